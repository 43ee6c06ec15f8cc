//! The rule `velocity`: too many failed payments in too short a time.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Mode;
use super::suspicion::{EVENTS_LIMIT, Finding, Suspicion};
use crate::time::{HOUR_MS, MINUTE_MS};

/// Most failures that are kept of one user. Beyond it the oldest are evicted, and what comes late among them is not
/// judged. Even then, the order of failures does not decide which are kept.
pub const FAILURES_LIMIT: usize = 100;

/// How many failures are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VelocitySettings {
    /// What becomes of its suspicions.
    pub mode: Mode,
    /// Most failures of one window that are not suspicious; below [`FAILURES_LIMIT`].
    pub limit: usize,
    /// How far apart the first and the last failure of a window may be, in milliseconds.
    pub window_ms: i64,
    /// How far back in event time a failure may come late, in milliseconds: the money dedup window.
    pub memory_ms: i64,
}

impl Default for VelocitySettings {
    fn default() -> Self {
        Self { mode: Mode::Live, limit: 5, window_ms: 10 * MINUTE_MS, memory_ms: 48 * HOUR_MS }
    }
}

/// The failed payments of one user.
///
/// A window is *hot* when it holds more failures than the limit. An *episode* runs while some hot window holds the
/// newest failure; the failure that lets it begin is reported, and nothing more until it has ended. A failure that
/// comes late may make a window hot that does not hold the newest one: it is reported when no failure of that window
/// was in a hot window before. So each burst is reported once, at the first moment at which it is known.
///
/// Which failures are kept depends on the failures alone. Which of them were in a hot window, and with it the episode,
/// depends on the order in which they were processed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Velocity {
    /// In order of time and id.
    failures: Vec<Failure>,
    /// Whether an episode runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    episode_runs: bool,
}

/// One failed payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its event time in epoch milliseconds.
    pub at_ms: i64,
    /// The id of its event.
    pub id: String,
    /// Whether it was in a hot window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_hot: bool,
}

/// The numbers behind a suspicion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VelocityFigures {
    /// Failures of the window.
    pub failures: usize,
    /// Time of its first failure, in epoch milliseconds.
    pub first_at_ms: i64,
    /// Time of its last failure, in epoch milliseconds.
    pub last_at_ms: i64,
    /// The limit that it passes.
    pub limit: usize,
    /// The longest that a window may be, in milliseconds.
    pub window_ms: i64,
}

impl Velocity {
    /// The failures that are kept, in order of time and id.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a failure. `largest_event_time_ms` already includes it.
    pub fn fail(
        &mut self,
        id: &str,
        at_ms: i64,
        largest_event_time_ms: i64,
        settings: &VelocitySettings,
    ) -> Option<Suspicion> {
        let index = self.failures.partition_point(|known| (known.at_ms, known.id.as_str()) <= (at_ms, id));
        self.failures.insert(index, Failure { at_ms, id: id.to_owned(), was_hot: false });
        let index = index.checked_sub(self.forget(largest_event_time_ms, settings))?;
        let times_ms: Vec<_> = self.failures.iter().map(|failure| failure.at_ms).collect();
        let newest = times_ms.len().saturating_sub(1);
        let with_newest = hot_windows(&times_ms, newest, settings).into_iter().next();
        let begins = with_newest.is_some() && !self.episode_runs;
        self.episode_runs = with_newest.is_some();
        self.mark(with_newest.iter());
        let suspicion = match with_newest {
            Some(window) if begins => Some(suspicion(self.failures.get(window)?, settings)),
            _ => self.burst_of_the_past(index, settings),
        };
        self.mark(hot_windows(&times_ms, index, settings).iter());
        suspicion
    }

    /// Evicts the failures that are too old, and the oldest of too many; returns how many. A failure is kept for a
    /// window longer than the oldest that may still come, since the two may share a window.
    pub fn forget(&mut self, largest_event_time_ms: i64, settings: &VelocitySettings) -> usize {
        let kept_ms = settings.memory_ms.saturating_add(settings.window_ms);
        let oldest_ms = largest_event_time_ms.saturating_sub(kept_ms);
        let too_old = self.failures.partition_point(|failure| failure.at_ms < oldest_ms);
        let forgotten = too_old.max(self.failures.len().saturating_sub(FAILURES_LIMIT));
        self.failures.drain(..forgotten);
        self.episode_runs &= !self.failures.is_empty();
        forgotten
    }

    /// A window that holds this failure and is hot by failures alone that were not in a hot window before.
    fn burst_of_the_past(&self, index: usize, settings: &VelocitySettings) -> Option<Suspicion> {
        let never_hot = |failures: &[Failure]| -> Vec<Failure> {
            failures.iter().filter(|failure| !failure.was_hot).cloned().collect()
        };
        if self.failures.get(index)?.was_hot {
            return None;
        }
        let index = never_hot(self.failures.get(..index)?).len();
        let failures = never_hot(&self.failures);
        let times_ms: Vec<_> = failures.iter().map(|failure| failure.at_ms).collect();
        let window = hot_windows(&times_ms, index, settings).into_iter().next()?;
        Some(suspicion(failures.get(window)?, settings))
    }

    fn mark<'w>(&mut self, windows: impl Iterator<Item = &'w Range<usize>>) {
        for window in windows {
            let failures = self.failures.get_mut(window.clone()).unwrap_or_default();
            failures.iter_mut().for_each(|failure| failure.was_hot = true);
        }
    }
}

/// The hot windows that hold the failure of this index, by their first failure, each as long as it may be.
fn hot_windows(times_ms: &[i64], index: usize, settings: &VelocitySettings) -> Vec<Range<usize>> {
    let Some(at_ms) = times_ms.get(index) else { return Vec::new() };
    let first = times_ms.partition_point(|time_ms| *time_ms < at_ms.saturating_sub(settings.window_ms));
    let starts = times_ms.iter().enumerate().take(index + 1).skip(first);
    let window = |(start, start_ms): (usize, &i64)| {
        let end_ms = start_ms.saturating_add(settings.window_ms);
        start..times_ms.partition_point(|time_ms| *time_ms <= end_ms)
    };
    starts.map(window).filter(|window| window.len() > settings.limit).collect()
}

fn suspicion(window: &[Failure], settings: &VelocitySettings) -> Suspicion {
    let at_ms = |failure: Option<&Failure>| failure.map_or(0, |failure| failure.at_ms);
    let figures = VelocityFigures {
        failures: window.len(),
        first_at_ms: at_ms(window.first()),
        last_at_ms: at_ms(window.last()),
        limit: settings.limit,
        window_ms: settings.window_ms,
    };
    let newest = window.iter().skip(window.len().saturating_sub(EVENTS_LIMIT));
    Suspicion {
        finding: Finding::Velocity(figures),
        event_ids: newest.map(|failure| failure.id.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND_MS;

    const START_MS: i64 = 1_291_191_960_000;

    /// Fails at these seconds, in this order, under ids `0`, `1` and so on; the state, and the ids and failures of each
    /// suspicion by the index of the failure that caused it.
    fn after(seconds: &[i64]) -> (Velocity, Vec<(usize, String)>) {
        let settings = VelocitySettings::default();
        let (mut velocity, mut emitted, mut largest_ms) = (Velocity::default(), Vec::new(), 0);
        for (index, second) in seconds.iter().enumerate() {
            let at_ms = START_MS + second * SECOND_MS;
            largest_ms = largest_ms.max(at_ms);
            let suspicion = velocity.fail(&index.to_string(), at_ms, largest_ms, &settings);
            emitted.extend(suspicion.map(|suspicion| (index, suspicion.event_ids.join(" "))));
        }
        (velocity, emitted)
    }

    fn emitted(seconds: &[i64]) -> Vec<(usize, String)> {
        after(seconds).1
    }

    fn one(index: usize, events: &str) -> (usize, String) {
        (index, events.to_owned())
    }

    #[test]
    fn the_sixth_failure_is_too_many() {
        assert_eq!(emitted(&[0, 1, 2, 3, 4]), []);
        assert_eq!(emitted(&[0, 1, 2, 3, 4, 5]), [one(5, "0 1 2 3 4 5")]);
    }

    #[test]
    fn a_window_ends_at_exactly_ten_minutes() {
        let settings = VelocitySettings::default();
        for (last_ms, suspicious) in [(10 * MINUTE_MS, true), (10 * MINUTE_MS + 1, false)] {
            let mut velocity = Velocity::default();
            for id in 0..5 {
                assert_eq!(velocity.fail(&id.to_string(), START_MS, START_MS, &settings), None);
            }
            let at_ms = START_MS + last_ms;
            let suspicion = velocity.fail("last", at_ms, at_ms, &settings);
            assert_eq!(suspicion.is_some(), suspicious);
        }
    }

    #[test]
    fn the_figures_are_those_of_the_window() {
        let settings = VelocitySettings::default();
        let mut velocity = Velocity::default();
        let mut last = None;
        for (id, at_ms) in [("x", 0), ("a", 600_001), ("b", 2), ("c", 600_001), ("d", 9), ("e", 9), ("f", 10)]
        {
            last = velocity.fail(id, START_MS + at_ms, START_MS + 600_001, &settings);
        }
        let figures = VelocityFigures {
            failures: 6,
            first_at_ms: START_MS + 2,
            last_at_ms: START_MS + 600_001,
            limit: 5,
            window_ms: 600_000,
        };
        let events = ["b", "d", "e", "f", "a", "c"].map(str::to_owned).to_vec();
        assert_eq!(last, Some(Suspicion { finding: Finding::Velocity(figures), event_ids: events }));
    }

    #[test]
    fn an_episode_is_reported_once_and_the_next_one_again() {
        let burst: Vec<i64> = (0..20).map(|minute| minute * 60).collect();
        assert_eq!(emitted(&burst), [one(5, "0 1 2 3 4 5")]);
        let later: Vec<i64> = burst.iter().map(|second| second + 3_600).collect();
        let both: Vec<i64> = burst.iter().chain(&later).copied().collect();
        assert_eq!(emitted(&both), [one(5, "0 1 2 3 4 5"), one(25, "20 21 22 23 24 25")]);
    }

    #[test]
    fn an_episode_ends_with_a_failure_that_is_in_no_hot_window() {
        // The seventh shares its ten minutes with four of the first, the eighth with three, the ninth with three: with
        // the seventh and eighth that makes six again.
        let seconds = [0, 60, 120, 180, 240, 300, 720, 750, 780];
        assert_eq!(emitted(&seconds), [one(5, "0 1 2 3 4 5"), one(8, "3 4 5 6 7 8")]);
    }

    #[test]
    fn a_late_failure_may_begin_the_episode_of_the_newest() {
        assert_eq!(emitted(&[0, 60, 120, 180, 300, 240]), [one(5, "0 1 2 3 5 4")]);
    }

    #[test]
    fn a_burst_of_the_past_is_reported_when_it_is_known() {
        assert_eq!(emitted(&[7_200, 0, 1, 2, 3, 4, 5]), [one(6, "1 2 3 4 5 6")]);
        // Its first failure may come last.
        assert_eq!(emitted(&[7_200, 1, 2, 3, 4, 5, 0]), [one(6, "6 1 2 3 4 5")]);
        // What makes it longer is reported no more, on either side.
        assert_eq!(emitted(&[7_200, 0, 1, 2, 3, 4, 5, 6, -100, -200, -300, -400, -500, -600]).len(), 1);
        // Another one is.
        let two = [7_200, 0, 1, 2, 3, 4, 5, 3_000, 3_001, 3_002, 3_003, 3_004, 3_005];
        assert_eq!(emitted(&two), [one(6, "1 2 3 4 5 6"), one(12, "7 8 9 10 11 12")]);
    }

    #[test]
    fn a_late_failure_that_makes_a_reported_burst_longer_is_reported_with_it() {
        let (velocity, emitted) = after(&[0, 60, 120, 180, 240, 300, 7_200, -60, 360]);
        assert_eq!(emitted.len(), 1);
        let never_hot: Vec<_> = velocity.failures().iter().filter(|failure| !failure.was_hot).collect();
        assert!(
            matches!(never_hot[..], [Failure { at_ms, .. }] if *at_ms == START_MS + 7_200_000),
            "{never_hot:?}"
        );
    }

    #[test]
    fn a_late_failure_that_joins_a_burst_to_the_running_episode_is_part_of_it() {
        // Five failures, then an episode from the eleventh minute on; the last one lies in windows with either.
        let seconds = [0, 1, 2, 3, 4, 660, 661, 662, 663, 664, 665, 100];
        assert_eq!(emitted(&seconds), [one(10, "5 6 7 8 9 10")]);
    }

    #[test]
    fn a_suspicion_names_the_newest_events_only() {
        let settings = VelocitySettings { limit: 30, ..VelocitySettings::default() };
        let mut velocity = Velocity::default();
        let mut fail = |id: usize| velocity.fail(&format!("{id:02}"), START_MS, START_MS, &settings);
        let suspicions: Vec<_> = (0..=30).filter_map(&mut fail).collect();
        let [suspicion] = &suspicions[..] else { panic!("{suspicions:?}") };
        assert!(matches!(suspicion.finding, Finding::Velocity(figures) if figures.failures == 31));
        let ids: Vec<_> = (11..=30).map(|id| format!("{id:02}")).collect();
        assert_eq!(suspicion.event_ids, ids);
    }

    #[test]
    fn a_failure_is_kept_as_long_as_a_late_one_may_share_its_window() {
        let settings = VelocitySettings::default();
        let kept_ms = settings.memory_ms + settings.window_ms;
        let mut velocity = Velocity::default();
        velocity.fail("0", START_MS, START_MS, &settings);
        assert_eq!(velocity.forget(START_MS + kept_ms, &settings), 0);
        assert_eq!(velocity.forget(START_MS + kept_ms + 1, &settings), 1);
        assert!(velocity.is_empty());
    }

    #[test]
    fn the_newest_hundred_are_kept_whatever_the_order() {
        let forward: Vec<i64> = (0..130).map(|index| index * 1_000).collect();
        let backward: Vec<i64> = forward.iter().rev().copied().collect();
        let times = |seconds: &[i64]| -> Vec<i64> {
            after(seconds).0.failures().iter().map(|failure| failure.at_ms).collect()
        };
        assert_eq!(times(&forward), times(&backward));
        assert_eq!(times(&forward).len(), FAILURES_LIMIT);
    }

    #[test]
    fn an_episode_does_not_end_where_more_fail_than_are_kept() {
        let seconds: Vec<i64> = (0..300).collect();
        assert_eq!(emitted(&seconds).len(), 1);
    }
}
