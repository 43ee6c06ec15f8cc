//! How far a batch is done.

/// The first record that cannot be done; everything before it is done, nothing behind it is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut(Option<usize>);

impl Cut {
    /// A cut at this record.
    pub const fn at(record: usize) -> Self {
        Self(Some(record))
    }

    /// Moves the cut to this record, if it lies before the present one.
    pub fn lower(&mut self, record: usize) {
        self.0 = Some(self.0.map_or(record, |present| present.min(record)));
    }

    /// Whether a record lies before the cut.
    pub fn allows(self, record: usize) -> bool {
        self.0.is_none_or(|cut| record < cut)
    }

    /// The first record that is not done; `None` when all are.
    pub const fn record(self) -> Option<usize> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_only_moves_forward_to_the_front() {
        let mut cut = Cut::default();
        assert!(cut.allows(usize::MAX));
        cut.lower(5);
        cut.lower(7);
        assert_eq!((cut.record(), cut.allows(4), cut.allows(5)), (Some(5), true, false));
        cut.lower(0);
        assert!(!cut.allows(0));
    }
}
