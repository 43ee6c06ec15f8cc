//! What must be suspected, from each user's list of what was applied, in the simplest way.

use std::collections::BTreeSet;

use millrace_domain::fraud::{FAILURES_LIMIT, FraudState};
use millrace_domain::time::MINUTE_MS;

use super::keyed::Came;
use super::reference::Happening;
use crate::plan::{EventSpec, Kind, Settings};

/// How far apart the failures of a window may be, in milliseconds.
const WINDOW_MS: i64 = 10 * MINUTE_MS;

/// Checks every user's suspicions: which events caused them, and by which rule.
pub(super) fn check(settings: &Settings, all: &[Came<'_, FraudState>], broken: &mut Vec<String>) {
    for came in all {
        let wanted = suspicious(settings, &came.applied());
        let emitted: BTreeSet<(String, &str)> = came
            .emitted
            .iter()
            .filter_map(|signal| {
                let cause = signal.id.split_once('-')?.0.to_owned();
                match signal.signal_type {
                    "fraud.suspected" => Some((cause, "velocity")),
                    "fraud.shadowed" => Some((cause, "amount")),
                    _ => None,
                }
            })
            .collect();
        if wanted != emitted {
            let different: Vec<_> = wanted.symmetric_difference(&emitted).collect();
            broken.push(format!("{}: suspected by one and not by the other: {different:?}", came.key));
        }
    }
}

/// The causes of suspicions, each with its rule.
fn suspicious(settings: &Settings, applied: &[&EventSpec]) -> BTreeSet<(String, &'static str)> {
    let mut wanted = BTreeSet::new();
    let mut failures = Failures::default();
    for (index, spec) in applied.iter().enumerate() {
        let largest_ms = applied.iter().take(index + 1).map(|spec| spec.time_ms).max().unwrap_or_default();
        let kept_from_ms = largest_ms - settings.money_dedup_window_ms - WINDOW_MS;
        let cause = || Happening::Event(spec).cause();
        match spec.kind {
            Kind::PaymentFailed if failures.fail(spec, kept_from_ms, settings.failures_limit) => {
                wanted.insert((cause(), "velocity"));
            }
            Kind::Order => {
                failures.forget(kept_from_ms);
                let before = applied.iter().take(index).filter(|spec| spec.kind == Kind::Order);
                let totals: Vec<i128> = before.map(|spec| total(spec)).collect();
                if is_far_above(&totals, total(spec), settings.minimum_orders) {
                    wanted.insert((cause(), "amount"));
                }
            }
            _ => {}
        }
    }
    wanted
}

fn total(spec: &EventSpec) -> i128 {
    (i128::from(spec.quantity) + 1) * 100 + i128::from(spec.variant)
}

/// More than three standard deviations above the mean, in whole numbers.
fn is_far_above(totals: &[i128], total: i128, minimum_orders: u64) -> bool {
    let count = totals.len() as i128;
    let sum: i128 = totals.iter().sum();
    let deviation: i128 = totals.iter().map(|other| (count * other - sum).pow(2)).sum();
    let above = count * total - sum;
    totals.len() as u64 >= minimum_orders && above > 0 && above.pow(2) * count > 9 * deviation
}

/// Failures as (time, id, whether they were in a hot window).
#[derive(Default)]
struct Failures {
    known: Vec<(i64, String, bool)>,
    episode_runs: bool,
}

impl Failures {
    /// Whether a failure is to be reported.
    fn fail(&mut self, spec: &EventSpec, kept_from_ms: i64, limit: usize) -> bool {
        // An id that is used again once its first use is forgotten is another failure.
        let id = format!("e{} {}", spec.id, spec.time_ms);
        self.known.push((spec.time_ms, id.clone(), false));
        self.known.sort();
        self.forget(kept_from_ms);
        let all: Vec<_> = self.known.iter().map(|(at_ms, id, _)| (*at_ms, id.clone())).collect();
        let Some(newest) = all.last().cloned() else { return false };
        let is_kept = all.iter().any(|(_, known)| *known == id);
        let of_newest = hot(&all, &newest.1, limit).into_iter().next();
        let begins = of_newest.is_some() && !self.episode_runs;
        self.episode_runs = of_newest.is_some();
        if let Some(window) = &of_newest {
            self.report(window);
        }
        let of_past = || {
            let never_hot = self.known.iter().filter(|(_, _, was_hot)| !was_hot);
            let never_hot: Vec<_> = never_hot.map(|(at_ms, id, _)| (*at_ms, id.clone())).collect();
            never_hot.iter().any(|(_, known)| *known == id) && !hot(&never_hot, &id, limit).is_empty()
        };
        let is_reported = is_kept && (begins || of_past());
        for window in hot(&all, &id, limit) {
            self.report(&window);
        }
        is_reported
    }

    fn forget(&mut self, kept_from_ms: i64) {
        self.known.retain(|(at_ms, _, _)| *at_ms >= kept_from_ms);
        self.episode_runs &= !self.known.is_empty();
        // The rule keeps no more of them, and says that the oldest go first.
        let surplus = self.known.len().saturating_sub(FAILURES_LIMIT);
        self.known.drain(..surplus);
    }

    fn report(&mut self, window: &[String]) {
        let in_window = self.known.iter_mut().filter(|(_, id, _)| window.contains(id));
        in_window.for_each(|(_, _, was_hot)| *was_hot = true);
    }
}

/// The windows with too many failures that hold this one, by their first.
fn hot(failures: &[(i64, String)], holding: &str, limit: usize) -> Vec<Vec<String>> {
    let window = |(start_ms, start): &(i64, String)| {
        let from = failures.iter().position(|(_, id)| id == start).unwrap_or_default();
        let within = failures.iter().skip(from).filter(|(at_ms, _)| *at_ms <= start_ms + WINDOW_MS);
        within.map(|(_, id)| id.clone()).collect::<Vec<_>>()
    };
    let windows = failures.iter().map(window);
    windows.filter(|window| window.len() > limit && window.iter().any(|id| id == holding)).collect()
}
