//! Entries of the quarantine that take several lines, joined.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use millrace_domain::StreamPosition;

/// What all parts of an entry have in common. A retry of a batch writes the same entry again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) function: String,
    pub(super) first: StreamPosition,
    pub(super) reason: String,
    /// Where the redrive envelope stood that brought it back.
    pub(super) redrive: Option<StreamPosition>,
    pub(super) parts: u32,
}

/// One part of an entry.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: Name,
    /// From 1.
    pub(super) number: u32,
    pub(super) bytes: Bytes,
}

/// Entries of which parts are missing.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    open: HashMap<Name, Open>,
    complete: HashSet<Name>,
}

#[derive(Debug, Default)]
struct Open {
    parts: BTreeMap<u32, Bytes>,
    objects: BTreeSet<usize>,
}

impl Joiner {
    /// Takes a part in. Gives back the bytes of its entry once that is complete, and the other objects that hold
    /// parts of it.
    pub(super) fn join(&mut self, object: usize, part: Part) -> Option<(Bytes, Vec<usize>)> {
        if part.name.parts == 1 {
            return Some((part.bytes, Vec::new()));
        }
        let open = self.open.entry(part.name.clone()).or_default();
        open.parts.insert(part.number, part.bytes);
        open.objects.insert(object);
        if open.parts.len() < usize::try_from(part.name.parts).unwrap_or(usize::MAX) {
            return None;
        }
        let open = self.open.remove(&part.name)?;
        self.complete.insert(part.name);
        let parts: Vec<Bytes> = open.parts.into_values().collect();
        Some((parts.concat().into(), open.objects.into_iter().filter(|other| *other != object).collect()))
    }

    /// Drops the incomplete entries that this object did not go on with; returns the objects that hold their parts.
    ///
    /// A part that was left over from an entry which was complete before is no loss.
    pub(crate) fn close(&mut self, object: usize) -> Vec<usize> {
        self.drop_entries(|open| !open.objects.contains(&object))
    }

    /// Drops all incomplete entries; returns the objects that hold their parts.
    pub(crate) fn close_all(&mut self) -> Vec<usize> {
        self.drop_entries(|_| true)
    }

    /// Whether an entry waits for the next object.
    pub(crate) fn is_waiting(&self) -> bool {
        self.open.keys().any(|name| !self.complete.contains(name))
    }

    fn drop_entries(&mut self, ends: impl Fn(&Open) -> bool) -> Vec<usize> {
        let complete = &self.complete;
        let ended = self.open.extract_if(|_, open| ends(open));
        ended.filter(|(name, _)| !complete.contains(name)).flat_map(|(_, open)| open.objects).collect()
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::{Position, SequenceNumber, Shard};

    use super::*;

    fn part(number: u32, parts: u32) -> Part {
        let position =
            Position { sequence: SequenceNumber::parse("5").unwrap(), sub_sequence: 0, element: 0 };
        let first = StreamPosition { shard: Shard::new("events", "shard"), position, arrived_at_ms: 5 };
        let (function, reason) = ("archive".to_owned(), "schema_registry_header".to_owned());
        let name = Name { function, first, reason, redrive: None, parts };
        Part { name, number, bytes: Bytes::from(number.to_string()) }
    }

    #[test]
    fn parts_are_joined_in_their_own_order_across_objects() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.join(0, part(1, 1)), Some(("1".into(), vec![])));
        assert_eq!((joiner.join(0, part(3, 3)), joiner.join(1, part(1, 3))), (None, None));
        assert_eq!(joiner.join(1, part(1, 3)), None);
        assert!(joiner.is_waiting());
        assert_eq!(joiner.join(2, part(2, 3)), Some(("123".into(), vec![0, 1])));
        assert!(!joiner.is_waiting());
    }

    #[test]
    fn an_entry_that_the_next_object_does_not_go_on_with_is_dropped() {
        let mut joiner = Joiner::default();
        joiner.join(0, part(1, 2));
        assert!(joiner.close(0).is_empty());
        assert_eq!(joiner.close(1), [0]);
        assert!(joiner.close_all().is_empty());
    }

    #[test]
    fn a_part_left_over_from_a_complete_entry_is_no_loss() {
        let mut joiner = Joiner::default();
        joiner.join(0, part(1, 2));
        assert!(joiner.join(0, part(2, 2)).is_some());
        joiner.join(0, part(1, 2));
        assert!(!joiner.is_waiting() && joiner.close_all().is_empty());
    }
}
