//! The script of what goes wrong.

use std::collections::{BTreeMap, VecDeque};

use millrace_lambda::ports::Stored;

/// What happens to one conditional write instead of its usual course.
#[derive(Clone, Debug, PartialEq)]
pub enum CommitFault<S> {
    /// It is throttled: nothing is written.
    Throttle,
    /// It takes effect and its answer is lost.
    LoseAnswer,
    /// It never arrives, and nobody knows.
    LoseRequest,
    /// Somebody else changes the version just before, and nothing else; an absent item appears, empty.
    Touch,
    /// Somebody else puts this item in place just before.
    Overtake(Box<Stored<S>>),
    /// Somebody else deletes the item just before.
    Delete,
}

/// Faults by key, and faults for whatever comes next. Those of a key go first.
#[derive(Debug)]
pub(crate) struct Script<F> {
    by_key: BTreeMap<String, VecDeque<F>>,
    next: VecDeque<Option<F>>,
}

impl<F> Default for Script<F> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), next: VecDeque::new() }
    }
}

impl<F> Script<F> {
    pub(crate) fn on(&mut self, key: &str, faults: impl IntoIterator<Item = F>) {
        self.by_key.entry(key.to_owned()).or_default().extend(faults);
    }

    pub(crate) fn then(&mut self, faults: impl IntoIterator<Item = Option<F>>) {
        self.next.extend(faults);
    }

    pub(crate) fn draw(&mut self, key: &str) -> Option<F> {
        let of_key = self.by_key.get_mut(key).and_then(VecDeque::pop_front);
        of_key.or_else(|| self.next.pop_front().flatten())
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
