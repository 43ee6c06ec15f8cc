//! What producers and operators do while everything runs.

use std::sync::Arc;

use close::Request;
use redrive::DeadLetters;

use super::{Event, Simulation, producer};
use crate::plan::{Action, Fate, user_key};
use crate::world::{Services, names};

/// Processes of a schedule are numbered by its time, so that a script may leave some out.
const SCHEDULED: u64 = 1 << 63;

impl Simulation {
    /// Does what producers and operators have come to do by now.
    pub(super) fn happen(&mut self) {
        let (elapsed_ms, now_ms) = (self.world.elapsed_ms(), self.epoch_ms());
        let world = Arc::clone(&self.world);
        let mut services = world.services();
        while let Some(put) = self.puts.pop_front_if(|put| put.at_ms <= elapsed_ms) {
            producer::put(&mut services, &mut self.truths, &put.content, (now_ms, elapsed_ms));
        }
        drop(services);
        let mut nth = 0;
        while let Some(done) = self.moves.pop_front_if(|action| action.at_ms <= elapsed_ms) {
            let process = SCHEDULED + done.at_ms * 8 + nth;
            match done.action {
                Action::RedriveFailures => self.redrive(DeadLetters::OnFailure),
                Action::RedriveQuarantine => self.redrive(DeadLetters::Quarantine),
                Action::Close | Action::Sweep => {
                    nth += 1;
                    self.close(process, done.action == Action::Sweep, elapsed_ms);
                }
                Action::LoseTimers(every) => self.lose_timers(every.into()),
                action => {
                    let changed = change(&mut world.services(), action, elapsed_ms);
                    if let Some(name) = changed {
                        self.count(format!("stream and table: {name}"));
                    }
                }
            }
        }
    }

    /// The number of an operator's process, far from the numbers of invocations.
    fn operation(&mut self) -> u64 {
        self.operations += 1;
        u64::MAX - self.operations
    }

    pub(super) fn redrive(&mut self, dead_letters: DeadLetters) {
        let process = self.operation();
        self.count(format!("redrive: of {}", dead_letters.root()));
        let discards = self.world.services().journal.discards.len();
        let redriving = self.operator.clone().redrive(process, dead_letters);
        self.in_flight.push(Box::pin(async move { Event::Redrive(dead_letters, discards, redriving.await) }));
    }

    /// A redrive ended that began when so many batches had been discarded.
    pub(super) fn redriven(
        &mut self,
        dead_letters: DeadLetters,
        discards: usize,
        answer: Option<&redrive::Answer>,
    ) {
        let Some(answer) = answer else { return self.count("redrive: died") };
        let sent = answer.counts.sent;
        if sent > 0 {
            self.count("redrive: sent something");
        }
        if !answer.error.is_empty() {
            self.count("redrive: broke off");
        }
        // It may have listed the objects before the last one came.
        let is_newest = discards == self.world.services().journal.discards.len();
        let finished = sent == 0 && answer.complete && answer.error.is_empty() && is_newest;
        self.ending.all_redriven = dead_letters == DeadLetters::OnFailure && finished;
    }

    /// The schedule rings, or an operator sweeps.
    fn close(&mut self, process: u64, sweep: bool, elapsed_ms: u64) {
        let (fate, _) = self.fates.next(process, elapsed_ms);
        let name = if sweep { "sweep" } else { "close" };
        self.count(format!("{name}: began"));
        if let Some(fate) = fate {
            self.count(format!("{name}: {}", fate.name()));
        }
        let killed_after_ms = match fate {
            Some(Fate::NotInvoked) => return,
            Some(Fate::Killed(after_ms)) => Some(after_ms),
            // Nobody waits for its answer.
            Some(Fate::Abandoned(_) | Fate::AnswerLost) | None => None,
        };
        self.start_close(process, sweep, (elapsed_ms, killed_after_ms));
    }

    /// Starts `close` by hand, at a time since the run began.
    pub(super) fn close_by_hand(&mut self, sweep: bool, at_ms: u64) {
        let process = self.operation();
        self.start_close(process, sweep, (at_ms, None));
    }

    fn start_close(&mut self, process: u64, sweep: bool, (at_ms, killed_after_ms): (u64, Option<u64>)) {
        self.closing += 1;
        if self.closing > 1 {
            self.count("close: while another runs");
        }
        let request = Request { sweep, ..Request::default() };
        let (world, closer) = (Arc::clone(&self.world), self.closer.clone());
        self.in_flight.push(Box::pin(async move {
            world.sleep_until(at_ms).await;
            Event::Close(closer.call(process, request, killed_after_ms).await)
        }));
    }

    pub(super) fn closed(&mut self, answer: Option<Result<close::Answer, close::CloseError>>) {
        self.closing -= 1;
        match answer {
            None => self.count("close: died"),
            Some(Err(_)) => self.count("close: met trouble"),
            Some(Ok(close::Answer::Taken(taken))) if taken.put > 0 => self.count("close: put something"),
            Some(Ok(close::Answer::Taken(_))) => self.count("close: put nothing"),
            Some(Ok(close::Answer::Swept(swept))) => {
                if swept.put > 0 {
                    self.count("sweep: put something");
                }
                self.ending.swept = self.ending.began && swept.complete && swept.put == 0;
                if swept.users_without_timer > 0 && self.ending.began && self.lost.is_empty() {
                    self.broken("a sweep misses timers although none was lost");
                }
            }
        }
    }

    fn lose_timers(&mut self, every: usize) {
        let lost = self.world.services().timers.lose(every);
        let users = lost.iter().filter_map(|timer| timer.split_once('#'));
        let users: Vec<_> = users.map(|(_, user)| user.to_owned()).collect();
        users.iter().for_each(|_| self.count("timers: lost"));
        self.lost.extend(users);
    }
}

/// Changes streams and tables by hand; what was changed, if anything was.
fn change(services: &mut Services, action: Action, elapsed_ms: u64) -> Option<&'static str> {
    let (name, changed) = match action {
        Action::Split(nth) => ("split", services.stream_mut(names::EVENTS)?.split(nth)),
        Action::Merge(nth) => ("merge", services.stream_mut(names::EVENTS)?.merge(nth)),
        Action::SplitSignals(nth) => ("split of signals", services.stream_mut(names::SIGNALS)?.split(nth)),
        Action::MergeSignals(nth) => ("merge of signals", services.stream_mut(names::SIGNALS)?.merge(nth)),
        Action::Delete(user) => {
            let key = user_key(user);
            ("delete", services.tables.get_mut(names::SESSIONS)?.delete(&key, elapsed_ms))
        }
        Action::DeleteFraud(user) => {
            let key = user_key(user);
            ("delete of fraud", services.tables.get_mut(names::FRAUD)?.delete(&key, elapsed_ms))
        }
        Action::DeleteStock { store, sku } => {
            let key = crate::plan::stock_key(store, sku);
            ("delete of stock", services.tables.get_mut(names::STOCK)?.delete(&key, elapsed_ms))
        }
        Action::RedriveFailures
        | Action::RedriveQuarantine
        | Action::Close
        | Action::Sweep
        | Action::LoseTimers(_) => return None,
    };
    changed.then_some(name)
}
