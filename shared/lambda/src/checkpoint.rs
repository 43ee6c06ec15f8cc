//! How far a batch is done.

/// The first record of the batch that is not done, from which Lambda retries: everything before it is done, nothing
/// behind it is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint(Option<usize>);

impl Checkpoint {
    /// A checkpoint at this record.
    pub const fn at(record: usize) -> Self {
        Self(Some(record))
    }

    /// Moves the checkpoint to this record, if it lies before the present one.
    pub fn lower(&mut self, record: usize) {
        self.0 = Some(self.0.map_or(record, |present| present.min(record)));
    }

    /// Whether a record lies before the checkpoint.
    pub fn allows(self, record: usize) -> bool {
        self.0.is_none_or(|checkpoint| record < checkpoint)
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
    fn a_checkpoint_only_moves_to_the_front() {
        let mut checkpoint = Checkpoint::default();
        assert!(checkpoint.allows(usize::MAX));
        checkpoint.lower(5);
        checkpoint.lower(7);
        assert_eq!((checkpoint.record(), checkpoint.allows(4), checkpoint.allows(5)), (Some(5), true, false));
        checkpoint.lower(0);
        assert!(!checkpoint.allows(0));
    }
}
