//! The end of a run: what was discarded comes back, what is due rings, and everything drains.

use redrive::DeadLetters;

use super::Simulation;
use crate::plan::START_MS;

/// Most rounds of an ending: each is tried again until nothing is left to do.
const ROUNDS_LIMIT: u64 = 300;
/// Time between two rounds, in milliseconds: no read is as old then.
const ROUND_MS: u64 = 3_000;
/// How far the clock moves in each round, in milliseconds: a timer that is set now lies in the next minute.
const STEP_MS: i64 = 2 * 60_000;
/// When sweeps begin, in milliseconds since the run began: every window should have closed by then.
const SWEEP_AT_MS: u64 = 60 * 60_000;

/// How far the ending has come.
#[derive(Debug)]
pub(super) struct Ending {
    rounds: u64,
    /// Whether the clock was moved far ahead.
    pub(super) began: bool,
    /// Whether nothing is left to be brought back.
    pub(super) all_redriven: bool,
    /// Whether no timer is missing.
    pub(super) swept: bool,
    sweeps: bool,
}

impl Ending {
    pub(super) fn new(sweeps: bool) -> Self {
        Self { rounds: 0, began: false, all_redriven: false, swept: false, sweeps }
    }
}

impl Simulation {
    /// Once nothing is under way, does the next thing; whether there was one.
    pub(super) fn wind_up(&mut self) -> bool {
        if self.ending.rounds > ROUNDS_LIMIT {
            self.broken("the ending goes on without an end");
            return false;
        }
        self.ending.rounds += 1;
        if !self.ending.all_redriven {
            self.redrive(DeadLetters::OnFailure);
            return true;
        }
        let services = self.world.services();
        let is_set = services.timers.set().next().is_some();
        let due_at_ms = services.timers.set().filter_map(|(_, timer)| due_at_ms(timer)).max();
        drop(services);
        if is_set {
            self.ring(due_at_ms.unwrap_or(START_MS));
            return true;
        }
        if self.ending.sweeps && !self.ending.swept {
            self.ending.began = true;
            let at_ms = self.step(START_MS.saturating_add_unsigned(SWEEP_AT_MS));
            self.close_by_hand(true, at_ms.max(self.world.elapsed_ms() + ROUND_MS));
            return true;
        }
        false
    }

    /// Runs `close` by a clock at which the last timer is due.
    fn ring(&mut self, due_at_ms: i64) {
        self.ending.swept = false;
        let at_ms = self.step(due_at_ms);
        self.close_by_hand(false, at_ms.max(self.world.elapsed_ms() + ROUND_MS));
    }

    /// Moves the clock on: nobody is about to write by an older one, since nothing is under way. Gives back when the run
    /// itself comes to that time, in milliseconds since it began. A timer moves no event time beyond its own arrival.
    fn step(&mut self, to_ms: i64) -> u64 {
        let now_ms = self.world.clock_ms();
        let stepped_ms = to_ms.max(now_ms).saturating_add(STEP_MS);
        self.world.services().clock.jump(stepped_ms);
        u64::try_from(stepped_ms - START_MS).unwrap_or_default()
    }
}

/// The due time that a timer's sort key begins with.
fn due_at_ms(timer: &str) -> Option<i64> {
    timer.split_once('#')?.0.parse().ok()
}
