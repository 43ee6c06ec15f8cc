//! How many pieces there are: a count, and what moved since.

use serde::{Deserialize, Serialize};

use super::{Recent, StockOverflow};

/// What somebody counted. Of two counts the later is believed; the rest of the order settles those of one millisecond.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Counted {
    /// Event time in epoch milliseconds.
    pub at_ms: i64,
    /// Id of the event.
    pub id: String,
    /// Pieces found.
    pub on_hand: i64,
}

/// The sum of moves that are not kept apart any more. A count inside their time cannot be put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacted {
    /// Event time of the newest of them, in epoch milliseconds.
    pub until_at_ms: i64,
    /// Pieces that came, less those that went.
    pub quantity: i64,
}

/// The pieces on hand, and what they are computed from.
///
/// Every move in it lies behind the count: one at the count's own millisecond is part of what was counted. Which moves
/// are compacted depends on times only, so the order of arrival changes nothing as long as no count comes too late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    on_hand: i64,
    counted: Option<Counted>,
    compacted: Option<Compacted>,
    recent: Recent,
}

/// Parts that cannot belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelUnreadable {
    /// Moves stand before what they must lie behind.
    #[error("its count, compacted moves and recent moves overlap in time")]
    Overlap,
    /// They add up to more than a number holds.
    #[error(transparent)]
    Overflow(#[from] StockOverflow),
}

impl Level {
    /// A level of parts as they were stored.
    pub(super) fn from_parts(
        counted: Option<Counted>,
        compacted: Option<Compacted>,
        recent: Recent,
    ) -> Result<Self, LevelUnreadable> {
        let counted_ms = counted.as_ref().map(|counted| counted.at_ms);
        let compacted_until_at_ms = compacted.map(|compacted| compacted.until_at_ms);
        let times_ms = [counted_ms, compacted_until_at_ms, recent.moves().first().map(|first| first.at_ms)];
        if !times_ms.into_iter().flatten().is_sorted_by(|before, after| before < after) {
            return Err(LevelUnreadable::Overlap);
        }
        let mut level = Self { on_hand: 0, counted, compacted, recent };
        level.add_up()?;
        Ok(level)
    }

    pub(super) fn into_parts(self) -> (Option<Counted>, Option<Compacted>, Recent) {
        (self.counted, self.compacted, self.recent)
    }

    /// Pieces on hand. Below zero when pieces were sold before anybody reported their receipt.
    pub fn on_hand(&self) -> i64 {
        self.on_hand
    }

    /// The count that is believed.
    pub fn counted(&self) -> Option<&Counted> {
        self.counted.as_ref()
    }

    /// The moves that are not kept apart any more.
    pub fn compacted(&self) -> Option<Compacted> {
        self.compacted
    }

    /// The moves that are kept apart.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Pieces that came, or went where there are fewer than none, at this time.
    pub(super) fn move_by(&mut self, at_ms: i64, quantity: i64) -> Result<(), StockOverflow> {
        if self.counted.as_ref().is_some_and(|counted| at_ms <= counted.at_ms) {
            return Ok(());
        }
        match &mut self.compacted {
            Some(compacted) if at_ms <= compacted.until_at_ms => {
                compacted.quantity = compacted.quantity.checked_add(quantity).ok_or(StockOverflow)?;
            }
            _ => self.recent.add(at_ms, quantity)?,
        }
        for surplus in self.recent.take_surplus() {
            let before = self.compacted.map_or(0, |compacted| compacted.quantity);
            let quantity = before.checked_add(surplus.quantity).ok_or(StockOverflow)?;
            self.compacted = Some(Compacted { until_at_ms: surplus.at_ms, quantity });
        }
        self.add_up()
    }

    /// Takes a count that is not too late, if it is the latest.
    pub(super) fn count(&mut self, count: Counted) -> Result<(), StockOverflow> {
        if self.counted.as_ref().is_some_and(|present| *present >= count) {
            return Ok(());
        }
        self.compacted = self.compacted.filter(|compacted| compacted.until_at_ms > count.at_ms);
        self.recent.forget_until(count.at_ms);
        self.counted = Some(count);
        self.add_up()
    }

    /// Whether moves that lie behind this count can no longer be told from those before it. A count that would not be
    /// believed changes nothing, so it comes in time always.
    pub(super) fn is_too_late(&self, count: &Counted) -> bool {
        let counts = self.counted.as_ref().is_none_or(|present| present < count);
        counts && self.compacted.is_some_and(|compacted| count.at_ms < compacted.until_at_ms)
    }

    fn add_up(&mut self) -> Result<(), StockOverflow> {
        let counted = self.counted.as_ref().map_or(0, |counted| counted.on_hand);
        let compacted = self.compacted.map_or(0, |compacted| compacted.quantity);
        let moved = self.recent.moves().iter().map(|moved| moved.quantity);
        let mut parts = [compacted].into_iter().chain(moved);
        let sum = parts.try_fold(counted, i64::checked_add);
        self.on_hand = sum.ok_or(StockOverflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RECENT_LIMIT_MOVES, RECENT_MEMORY_MS};
    use super::*;

    /// One change: a move, or a count.
    #[derive(Clone, Copy)]
    enum Change {
        Move(i64, i64),
        Count(i64, &'static str, i64),
    }
    use Change::{Count, Move};

    fn counted(at_ms: i64, id: &str, on_hand: i64) -> Counted {
        Counted { at_ms, id: id.to_owned(), on_hand }
    }

    fn after(changes: &[Change]) -> Level {
        let mut level = Level::default();
        for change in changes {
            match *change {
                Move(at_ms, quantity) => level.move_by(at_ms, quantity).unwrap(),
                Count(at_ms, id, on_hand) => {
                    let count = counted(at_ms, id, on_hand);
                    assert!(!level.is_too_late(&count));
                    level.count(count).unwrap();
                }
            }
        }
        level
    }

    fn orders(changes: &[Change]) -> Vec<Vec<Change>> {
        match changes {
            [] => vec![Vec::new()],
            _ => (0..changes.len())
                .flat_map(|first| {
                    let mut rest = changes.to_vec();
                    let first = rest.remove(first);
                    orders(&rest).into_iter().map(move |rest| [vec![first], rest].concat())
                })
                .collect(),
        }
    }

    fn in_every_order(changes: &[Change], on_hand: i64) {
        let expected = after(changes);
        assert_eq!(expected.on_hand(), on_hand);
        for order in orders(changes) {
            assert_eq!(after(&order), expected);
        }
    }

    /// A count of five pieces, and as many moves of one piece as leave the oldest two compacted.
    fn compacted() -> Level {
        let moves = (1..).map(|at_ms| Move(at_ms, 1)).take(RECENT_LIMIT_MOVES + 2);
        after(&[Count(0, "a", 5)].into_iter().chain(moves).collect::<Vec<_>>())
    }

    #[test]
    fn a_level_tells_its_parts() {
        let level = compacted();
        assert_eq!(level.counted(), Some(&counted(0, "a", 5)));
        assert_eq!(level.compacted(), Some(Compacted { until_at_ms: 2, quantity: 2 }));
        assert_eq!(level.recent().moves().first().map(|first| first.at_ms), Some(3));
    }

    #[test]
    fn a_move_inside_of_compacted_ones_is_compacted_with_them() {
        let mut level = compacted();
        level.move_by(1, 5).unwrap();
        assert_eq!(level.compacted(), Some(Compacted { until_at_ms: 2, quantity: 7 }));
    }

    #[test]
    fn the_count_that_is_believed_comes_in_time_again() {
        assert!(!compacted().is_too_late(&counted(0, "a", 5)));
        assert!(compacted().is_too_late(&counted(0, "b", 5)));
    }

    #[test]
    fn without_a_count_moves_add_up() {
        in_every_order(&[Move(1, 10), Move(2, -12), Move(2, 1)], -1);
    }

    #[test]
    fn a_count_takes_the_place_of_what_moved_before_it() {
        in_every_order(&[Move(1, 10), Move(2, -3), Count(5, "c", 100), Move(6, -1)], 99);
        in_every_order(&[Move(1, 10), Count(3, "c", 0), Move(6, 5), Move(7, -2)], 3);
    }

    #[test]
    fn a_move_at_the_time_of_a_count_is_part_of_it() {
        in_every_order(&[Move(4, -1), Move(5, -10), Count(5, "c", 100), Move(6, -100)], 0);
    }

    #[test]
    fn the_later_count_is_believed_and_of_one_time_the_greater_id() {
        in_every_order(&[Count(5, "c", 100), Count(9, "a", 7), Move(6, 1), Move(10, 2)], 9);
        in_every_order(&[Count(5, "a", 1), Count(5, "b", 2), Move(6, 3)], 5);
        in_every_order(&[Count(5, "a", 1), Count(5, "a", 2)], 2);
    }

    #[test]
    fn moves_beyond_the_cap_are_compacted_oldest_first() {
        let limit = i64::try_from(RECENT_LIMIT_MOVES).unwrap();
        let mut moves: Vec<_> = (1..=limit).map(|at_ms| Move(at_ms, 1)).collect();
        assert_eq!(after(&moves).compacted(), None);
        moves.push(Move(limit + 1, 1));
        let level = after(&moves);
        assert_eq!(
            (level.compacted(), level.on_hand()),
            (Some(Compacted { until_at_ms: 1, quantity: 1 }), limit + 1)
        );
        moves.reverse();
        assert_eq!(after(&moves), level);
        moves.push(Move(1, 5));
        assert_eq!(after(&moves).compacted(), Some(Compacted { until_at_ms: 1, quantity: 6 }));
    }

    #[test]
    fn moves_are_compacted_once_the_newest_is_48_hours_younger() {
        let at_border = [Move(5, 1), Move(5 + RECENT_MEMORY_MS, 2)];
        assert_eq!(after(&at_border).compacted(), None);
        let beyond = [Move(5, 1), Move(6 + RECENT_MEMORY_MS, 2)];
        assert_eq!(after(&beyond).compacted(), Some(Compacted { until_at_ms: 5, quantity: 1 }));
        in_every_order(&[Move(3, 4), beyond[0], beyond[1], Count(7, "c", 50)], 52);
    }

    #[test]
    fn a_count_inside_of_what_is_compacted_comes_too_late() {
        let level = after(&[Move(5, 1), Move(9, 1), Move(10 + RECENT_MEMORY_MS, 2)]);
        assert_eq!(level.compacted(), Some(Compacted { until_at_ms: 9, quantity: 2 }));
        assert!(level.is_too_late(&counted(8, "c", 50)));
        assert!(!level.is_too_late(&counted(9, "c", 50)));
        assert_eq!(
            after(&[Move(5, 1), Move(9, 1), Move(10 + RECENT_MEMORY_MS, 2), Count(9, "c", 50)]).on_hand(),
            52
        );
    }

    #[test]
    fn a_count_that_would_not_be_believed_is_never_too_late() {
        let level = after(&[Count(4, "b", 9), Move(5, 1), Move(6 + RECENT_MEMORY_MS, 2)]);
        assert!(!level.is_too_late(&counted(4, "a", 50)));
        assert!(level.is_too_late(&counted(4, "c", 50)));
    }

    #[test]
    fn what_adds_up_too_far_is_refused() {
        let mut level = after(&[Move(5, i64::MAX)]);
        assert_eq!(level.clone().move_by(5, 1), Err(StockOverflow));
        assert_eq!(level.clone().move_by(6, 1), Err(StockOverflow));
        assert_eq!(level.count(counted(4, "c", 1)), Err(StockOverflow));
    }

    #[test]
    fn parts_that_overlap_are_refused() {
        let (recent, compacted) = (
            |at_ms| after(&[Move(at_ms, 1)]).recent,
            |until_at_ms| Some(Compacted { until_at_ms, quantity: 1 }),
        );
        let count = |at_ms| Some(counted(at_ms, "c", 5));
        let overlap = Err(LevelUnreadable::Overlap);
        assert_eq!(Level::from_parts(count(4), compacted(5), recent(6)).map(|level| level.on_hand), Ok(7));
        assert_eq!(Level::from_parts(count(4), compacted(4), recent(6)), overlap);
        assert_eq!(Level::from_parts(count(4), compacted(5), recent(5)), overlap);
        assert_eq!(Level::from_parts(count(6), None, recent(6)), overlap);
        assert!(
            Level::from_parts(None, Some(Compacted { until_at_ms: 5, quantity: i64::MAX }), recent(6))
                .is_err()
        );
    }
}
