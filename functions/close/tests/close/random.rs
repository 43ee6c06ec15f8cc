//! Random histories: writers that lag, runs that overlap, and failures of every part lose no timer.

use std::collections::BTreeSet;

use close::run;
use fastrand::Rng;
use millrace_domain::timer::{StoredTimer, Timer};
use millrace_lambda::Deadline;
use millrace_testkit::{MemoryStream, MemoryTimers};

use crate::harness::{at, record, run_at};

const HISTORIES: u64 = 25;
const STEPS: usize = 60;

/// Sets timers around this minute, as writers do whose invocations last up to 15 minutes.
fn write(rng: &mut Rng, minutes: i64, timers: &MemoryTimers, set: &mut Vec<Timer>) {
    for _ in 0..rng.usize(0..4) {
        let due_at_ms = at(minutes) + rng.i64(-3_600_000..3_600_000);
        let timer = Timer { key: format!("u{}", rng.u8(..40)), due_at_ms };
        timers.insert(&StoredTimer::new(timer.clone(), at(minutes) - rng.i64(0..=900_000)));
        set.push(timer);
    }
}

fn fail(rng: &mut Rng, timers: &MemoryTimers, stream: &MemoryStream, set: &[Timer]) {
    let mut some = |chance: f64| (rng.f64() < chance).then(|| rng.usize(0..3));
    stream.script([some(0.2), some(0.2)]);
    timers.script_deletes([some(0.2), some(0.2)]);
    if some(0.1).is_some() {
        timers.fail_cursor(1);
    }
    if let (Some(_), Some(last)) = (some(0.2), set.last()) {
        timers.fail_reads(StoredTimer::new(last.clone(), 0).time_bucket, 1);
    }
}

#[tokio::test]
async fn no_timer_is_lost_and_none_rings_before_its_time() {
    for seed in 0..HISTORIES {
        let mut rng = Rng::with_seed(seed);
        let (timers, stream) = (MemoryTimers::at(at(0)), MemoryStream::default());
        let (mut minutes, mut set) = (0, Vec::new());
        run_at(0, &timers, &stream).await.unwrap();
        for _ in 0..STEPS {
            minutes += if rng.u8(..) < 8 { rng.i64(0..300) } else { rng.i64(0..3) };
            write(&mut rng, minutes, &timers, &mut set);
            fail(&mut rng, &timers, &stream, &set);
            let limit = rng.usize(1..20);
            let one = run(&timers, &stream, limit, at(minutes), Deadline::NONE);
            // Failures are what is tried here; what they lead to is looked at below.
            let _ = match rng.bool() {
                true => one.await,
                false => tokio::join!(one, run_at(minutes - rng.i64(0..2), &timers, &stream)).0,
            };
            let put: BTreeSet<_> = stream.accepted().into_iter().map(|record| record.data).collect();
            let early = set.iter().filter(|timer| timer.due_at_ms > at(minutes));
            assert!(early.clone().all(|timer| !put.contains(&record(timer).data)), "seed {seed}");
        }
        timers.heal();
        let quiet = MemoryStream::default();
        let end = run_at(minutes + 61, &timers, &quiet).await.unwrap();
        assert!(end.complete && timers.items().is_empty(), "seed {seed}: {:?}", timers.items());
        let put: BTreeSet<_> =
            stream.accepted().into_iter().chain(quiet.accepted()).map(|record| record.data).collect();
        assert!(set.iter().all(|timer| put.contains(&record(timer).data)), "seed {seed}");
    }
}
