//! Trouble on purpose, between the functions and their services and around their invocations.

mod fate;
mod recorder;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_source_mapping::Invocation;
pub(crate) use fate::Fate;
use fate::Fates;
use local_faults::{Call, FaultyHttp, Outage, Rates, Seeded, SharedSource};
pub(crate) use recorder::Struck;
use recorder::{FirstThrottled, Recorder};
use tokio::time::Instant;

/// Calls that go wrong, of a thousand.
const CALLS_PER_MILLE: u32 = 80;
/// Invocations that end badly, of a thousand.
const FATES_PER_MILLE: u32 = 40;
/// How the faults share their rate, in the order of [`local_faults::Fault::NAMES`].
const WEIGHTS: [u32; 11] = [20, 25, 3, 8, 12, 6, 8, 6, 10, 6, 8];
/// Longest slowness in milliseconds: short, so that a run takes little longer for it.
const SLOW_LIMIT_MS: u64 = 60;
/// Faults are drawn for this long, so that a run ends whatever its batches are; outages may last longer.
const DRAWN_FOR_MS: u64 = 60_000;
/// The calls that have an outage each.
const WITH_OUTAGES: [Call; 2] = [Call::Write, Call::Deliver];

/// What goes wrong in a run, and a count of what did.
#[derive(Debug)]
pub(crate) struct Trouble {
    recorder: Arc<Mutex<Recorder>>,
    fates: Mutex<Fates>,
    outages: Vec<Outage>,
    began: Instant,
}

impl Trouble {
    /// The first writes to DynamoDB are throttled.
    pub(crate) fn throttled_writes(writes: u64) -> Self {
        let recorder = Recorder::new(FirstThrottled { call: Call::Write, left: writes });
        Self::of(recorder, Fates::new(0, 0), Vec::new())
    }

    /// Everything, drawn by seed. Outages last some seconds; where records have a maximum age, longer than that, so
    /// that some are discarded.
    pub(crate) fn drawn(seed: u64, maximum_record_age: Option<Duration>) -> Self {
        let outages = outages(seed, maximum_record_age);
        let rates = Rates {
            per_mille: CALLS_PER_MILLE,
            weights: WEIGHTS,
            slow_limit_ms: SLOW_LIMIT_MS,
            until_ms: DRAWN_FOR_MS,
        };
        let recorder = Recorder::new(Seeded::new(seed, rates, outages.clone()));
        Self::of(recorder, Fates::new(seed, FATES_PER_MILLE), outages)
    }

    fn of(recorder: Recorder, fates: Fates, outages: Vec<Outage>) -> Self {
        let recorder = Arc::new(Mutex::new(recorder));
        Self { recorder, fates: Mutex::new(fates), outages, began: Instant::now() }
    }

    /// An HTTP client for the SDK whose calls meet the faults.
    pub(crate) fn http(&self) -> FaultyHttp {
        let inner = aws_smithy_http_client::Builder::new().build_http();
        FaultyHttp::new(inner, Arc::clone(&self.recorder) as SharedSource, self.began)
    }

    /// The process of an invocation, and its fate.
    pub(crate) fn begin(&self, function: &str, invocation: &Invocation) -> (u64, Option<Fate>) {
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        let process = fates.process(function, invocation);
        let fate = fates.of(process);
        if let Some(fate) = fate {
            self.recorder().count("invocation", fate.name());
        }
        (process, fate)
    }

    /// What struck so far.
    pub(crate) fn struck(&self) -> Struck {
        self.recorder().struck.clone()
    }

    /// The times in which every call of a kind is refused, since the functions started.
    pub(crate) fn outages(&self) -> &[Outage] {
        &self.outages
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outages(seed: u64, maximum_record_age: Option<Duration>) -> Vec<Outage> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut outage = |call| {
        let (from_ms, length_ms) = match maximum_record_age.map(|limit| u64::try_from(limit.as_millis())) {
            None => (rng.u64(0..1_000), rng.u64(1_000..3_000)),
            // It begins while records are young, and ends when the first of them are too old.
            Some(limit_ms) => {
                let limit_ms = limit_ms.unwrap_or(u64::MAX / 4);
                (rng.u64(0..=limit_ms / 16), limit_ms + rng.u64(0..=limit_ms / 2))
            }
        };
        Outage { call, time_ms: from_ms..from_ms.saturating_add(length_ms) }
    };
    WITH_OUTAGES.into_iter().map(&mut outage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_outlast_a_maximum_record_age_and_else_some_seconds() {
        for seed in 0..100 {
            let limit = Duration::from_secs(20);
            for Outage { time_ms, .. } in outages(seed, Some(limit)) {
                assert!(
                    time_ms.start <= 1_250 && time_ms.end >= 20_000 && time_ms.end <= 31_250,
                    "{time_ms:?}"
                );
            }
            for Outage { time_ms, .. } in outages(seed, None) {
                assert!(time_ms.end <= 4_000 && time_ms.end - time_ms.start >= 1_000, "{time_ms:?}");
            }
        }
    }
}
