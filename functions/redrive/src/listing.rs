//! Objects of dead letters, each with whether it is marked done.

use std::collections::{HashSet, VecDeque};

use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Objects, ObjectsError};

use crate::dead_letters::second_of;

/// What the keys of marks start with; the object's own key follows.
pub const MARKS_ROOT: &str = "redriven/";

/// Objects and marks of one page.
const PAGE_LIMIT_OBJECTS: usize = 1_000;

/// Most objects of a burst: each is read before the first of them is sent, and that must fit into an invocation many
/// times. The objects behind are a burst of their own. Those that are done count, so that every run splits alike.
const BURST_LIMIT_OBJECTS: usize = 1_000;

/// The key of the mark that says that an object is done.
pub fn mark_of(key: &str) -> String {
    format!("{MARKS_ROOT}{key}")
}

/// The objects below a prefix in order of their keys.
#[derive(Debug)]
pub(crate) struct Listing<'l, O> {
    objects: &'l O,
    prefix: &'l str,
    /// Whether objects of one mapping, shard and second come together.
    in_bursts: bool,
    /// The last key that was listed.
    after: Option<String>,
    /// Objects that were listed and not given yet, each with whether it is marked.
    ahead: VecDeque<(Listed, bool)>,
    is_at_end: bool,
}

impl<'l, O: Objects> Listing<'l, O> {
    /// The objects behind the key `after`, where there is one.
    pub(crate) fn new(objects: &'l O, prefix: &'l str, after: Option<String>, in_bursts: bool) -> Self {
        Self { objects, prefix, in_bursts, after, ahead: VecDeque::new(), is_at_end: false }
    }

    /// The next objects, each with whether it is marked: one, or a burst whose order their keys do not show. None at
    /// the end.
    pub(crate) async fn next_burst(
        &mut self,
        deadline: Deadline,
    ) -> Result<Vec<(Listed, bool)>, ObjectsError> {
        loop {
            if let Some(objects) = self.burst_ahead() {
                return Ok(self.ahead.drain(..objects).collect());
            }
            let page = self.next_page(deadline).await?;
            self.is_at_end = page.is_empty();
            self.ahead.extend(page);
        }
    }

    /// Objects that were listed and not given, each with whether it is marked.
    pub(crate) fn into_ahead(self) -> impl Iterator<Item = (Listed, bool)> {
        self.ahead.into_iter()
    }

    /// How many objects the next burst has; `None` while it may go on in the next page.
    fn burst_ahead(&self) -> Option<usize> {
        let Some((first, _)) = self.ahead.front() else { return self.is_at_end.then_some(0) };
        let Some(second) = second_of(&first.key).filter(|_| self.in_bursts) else { return Some(1) };
        let ahead = self.ahead.iter().take(BURST_LIMIT_OBJECTS);
        let objects = ahead.take_while(|(listed, _)| second_of(&listed.key) == Some(second)).count();
        let may_go_on = objects == self.ahead.len() && objects < BURST_LIMIT_OBJECTS && !self.is_at_end;
        (!may_go_on).then_some(objects)
    }

    async fn next_page(&mut self, deadline: Deadline) -> Result<Vec<(Listed, bool)>, ObjectsError> {
        let after = self.after.as_deref();
        let page = self.objects.list(self.prefix, after, PAGE_LIMIT_OBJECTS, deadline).await?;
        let Some(last) = page.last().map(|listed| listed.key.clone()) else { return Ok(Vec::new()) };
        let marks = self.marks_up_to(&last, deadline).await?;
        self.after = Some(last);
        let marked = |listed: Listed| {
            let is_marked = marks.contains(&mark_of(&listed.key));
            (listed, is_marked)
        };
        Ok(page.into_iter().map(marked).collect())
    }

    /// The marks of the page that ends at `last`. Marks lie in the same order as their objects, so listing them side
    /// by side is a request a page instead of one an object.
    async fn marks_up_to(&self, last: &str, deadline: Deadline) -> Result<HashSet<String>, ObjectsError> {
        let (prefix, last) = (mark_of(self.prefix), mark_of(last));
        let mut after = self.after.as_deref().map(mark_of);
        let mut marks = HashSet::new();
        loop {
            let page = self.objects.list(&prefix, after.as_deref(), PAGE_LIMIT_OBJECTS, deadline).await?;
            after = page.last().map(|listed| listed.key.clone());
            marks.extend(page.into_iter().map(|listed| listed.key));
            if after.as_ref().is_none_or(|after| *after >= last) {
                return Ok(marks);
            }
        }
    }
}
