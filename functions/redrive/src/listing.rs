//! Objects of what was set aside, each with whether it is marked done.

use std::collections::HashSet;

use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Objects, ObjectsError};

/// What the keys of marks start with; the object's own key follows.
pub const MARKS_ROOT: &str = "redriven/";

/// Objects and marks of one page.
const PAGE_LIMIT_OBJECTS: usize = 1_000;

/// The key of the mark that says that an object is done.
pub fn mark_of(key: &str) -> String {
    format!("{MARKS_ROOT}{key}")
}

/// The objects below a prefix, page by page in order of their keys.
#[derive(Debug)]
pub(crate) struct Listing<'l, O> {
    objects: &'l O,
    prefix: &'l str,
    after: Option<String>,
}

impl<'l, O: Objects> Listing<'l, O> {
    pub(crate) fn new(objects: &'l O, prefix: &'l str) -> Self {
        Self { objects, prefix, after: None }
    }

    /// The next objects, each with whether it is marked; none at the end.
    pub(crate) async fn next_page(
        &mut self,
        deadline: Deadline,
    ) -> Result<Vec<(Listed, bool)>, ObjectsError> {
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
