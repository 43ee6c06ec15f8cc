//! What holds whatever fails: at least once, in order of the key, never done through an undone record.

use std::collections::{BTreeMap, BTreeSet};

use event_source_mapping::{Action, Invocation, Outcome, Settings, Shard};

use crate::harness::{done_through, failures, numbers, push_record, record, settings, shard};

const RECORDS: u64 = 120;
const KEYS: u64 = 7;
const SEEDS: u64 = 300;
/// Enough for every run by far; a run that needs more makes no progress.
const STEPS_MAX: usize = 100_000;

/// A linear congruential generator with the constants of Knuth's MMIX.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

/// What the function has seen and finished; the reference that the shard is held against.
#[derive(Default)]
struct Model {
    key_of: BTreeMap<u64, String>,
    first_deliveries: BTreeMap<String, Vec<u64>>,
    delivered: BTreeSet<u64>,
    undone: BTreeSet<u64>,
}

impl Model {
    fn push(&mut self, number: u64, key: String) {
        self.key_of.insert(number, key);
        self.undone.insert(number);
    }

    fn deliver(&mut self, sent: &[u64]) {
        let in_batch: BTreeSet<_> = sent.iter().copied().collect();
        for number in sent {
            let key = &self.key_of[number];
            assert!(self.undone.contains(number), "record {number} is sent after it was done");
            let mut before = self.undone.range(..number).filter(|earlier| self.key_of[earlier] == *key);
            let overtaken = before.find(|earlier| !in_batch.contains(earlier));
            assert_eq!(overtaken, None, "record {number} overtakes an undone record of its key");
            if self.delivered.insert(*number) {
                self.first_deliveries.entry(key.clone()).or_default().push(*number);
            }
        }
    }

    fn finish(&mut self, numbers: &[u64]) {
        for number in numbers {
            assert!(self.undone.remove(number), "record {number} is done twice");
        }
    }

    fn check(&self, shard: &Shard) {
        assert_eq!(shard.buffered(), self.undone.len());
        if let (Some(done_through), Some(undone)) = (done_through(shard), self.undone.first()) {
            assert!(done_through < *undone, "done through {done_through} and not {undone}");
        }
    }
}

fn random_settings(random: &mut Random) -> Settings {
    Settings {
        batch_size: [1, 2, 5, 10, 100][random.index(5)],
        batching_window_ms: random.below(3) * 20,
        parallelization_factor: 1 + random.index(4),
        bisect_batch_on_function_error: random.one_in(2),
        backoff_max_ms: 8,
        payload_limit_bytes: if random.one_in(2) { 1_500 } else { 100_000 },
        ..settings()
    }
}

/// Lets one invocation end in some way; what it finished goes into the model.
fn end_one(shard: &mut Shard, invocation: &Invocation, model: &mut Model, random: &mut Random, now_ms: u64) {
    let sent = numbers(&invocation.records);
    let first_failed = random.index(sent.len());
    let response = failures(&sent[first_failed..]);
    let (outcome, done) = match random.below(6) {
        0 => (Outcome::FunctionError, 0),
        1 => (Outcome::NotInvoked, 0),
        2 => (Outcome::Returned(br#"{"batchItemFailures":[{"itemIdentifier":""}]}"#), 0),
        3 => (Outcome::Returned(&response), first_failed),
        4 => return shard.abandon(invocation.token).unwrap_or_else(|error| panic!("{error}")),
        _ => (Outcome::Returned(b"null"), sent.len()),
    };
    let completion =
        shard.complete(invocation.token, outcome, now_ms).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(completion.succeeded, done);
    assert_eq!(completion.retried + completion.discarded, sent.len() - done);
    model.finish(&sent[..done]);
}

/// Runs a shard to its end; the model, and how many records were discarded.
fn run_to_the_end(settings: Settings, random: &mut Random) -> (Model, usize) {
    let mut shard = shard(settings);
    let mut model = Model::default();
    let mut in_flight: Vec<Invocation> = Vec::new();
    let (mut now_ms, mut next, mut discarded) = (0, 1, 0);
    for _ in 0..STEPS_MAX {
        if next <= RECORDS && random.one_in(2) {
            let key = format!("key-{}", random.below(KEYS));
            push_record(&mut shard, record(next, &key, now_ms), now_ms);
            model.push(next, key);
            next += 1;
        } else if next > RECORDS {
            shard.close();
        }
        match shard.poll(now_ms) {
            Action::Invoke(invocation) => {
                model.deliver(&numbers(&invocation.records));
                in_flight.push(invocation);
            }
            Action::Discard(batch) => {
                model.finish(&numbers(&batch.records));
                discarded += batch.records.len();
            }
            Action::Finished(_) => {
                assert_eq!(done_through(&shard), Some(RECORDS));
                return (model, discarded);
            }
            Action::WaitUntil(time_ms) => {
                assert!(time_ms > now_ms, "a wait that is over already");
                now_ms += 1 + random.below(time_ms - now_ms);
            }
            Action::WaitForInvocations | Action::WaitForRecords => now_ms += 1,
        }
        if !in_flight.is_empty() && random.one_in(3) {
            let invocation = in_flight.swap_remove(random.index(in_flight.len()));
            end_one(&mut shard, &invocation, &mut model, random, now_ms);
        }
        model.check(&shard);
    }
    panic!("no progress after {STEPS_MAX} steps");
}

#[test]
fn random_failures_with_unlimited_retries_lose_nothing_and_keep_the_order_of_each_key() {
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let settings = random_settings(&mut random);
        let (model, discarded) = run_to_the_end(settings, &mut random);
        assert_eq!(discarded, 0, "seed {seed}");
        assert!(model.undone.is_empty(), "seed {seed}");
        assert_eq!(model.delivered.len() as u64, RECORDS, "seed {seed}");
        for (key, numbers) in &model.first_deliveries {
            assert!(numbers.is_sorted(), "seed {seed}: first deliveries of {key} in order {numbers:?}");
        }
    }
}

#[test]
fn with_limits_every_record_is_done_or_discarded_and_never_both() {
    let mut discarded_in_all = 0;
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let settings = Settings {
            maximum_retry_attempts: Some(u32::try_from(random.below(4)).unwrap_or_default()),
            maximum_record_age_ms: random.one_in(2).then_some(60_000),
            backoff_max_ms: if random.one_in(2) { 8 } else { 40_000 },
            backoff_initial_ms: 5,
            ..random_settings(&mut random)
        };
        let (model, discarded) = run_to_the_end(settings, &mut random);
        assert!(model.undone.is_empty(), "seed {seed}");
        discarded_in_all += discarded;
    }
    assert!(discarded_in_all > 0);
}

#[test]
fn the_same_calls_give_the_same_answers() {
    let trace = |seed| {
        let mut random = Random(seed);
        let mut shard = shard(random_settings(&mut random));
        for number in 1..=50 {
            push_record(&mut shard, record(number, &format!("key-{}", number % KEYS), 0), 0);
        }
        (0..100).map(|now_ms| format!("{:?}", shard.poll(now_ms))).collect::<Vec<_>>()
    };
    assert_eq!(trace(1), trace(1));
}
