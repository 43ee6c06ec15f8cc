//! One key's records, folded into new state and a verdict for each.

use crate::event::Event;
use crate::ledger::{Candidate, Judgement, Ledger, LedgerSettings, SignalJudgement};
use crate::position::{Position, Shard};
use crate::signal::Signal;
use crate::timer::{Timer, TimerDue};
use crate::verdict::{LateReason, Verdict};
use crate::{Data, Reason};

mod emit;

pub use emit::Emit;

/// The state of one key, and how an event changes it. This is all that a new consumer has to bring.
pub trait KeyState: Clone + Default {
    /// What the consumer can be tuned by.
    type Settings;

    /// The attributes that the state is written as, beside `key`, `version`, `format` and `ledger`. One that is absent
    /// from a written state is taken out of the item.
    const ATTRIBUTES: &'static [&'static str];

    /// The format that the state is written in, from 1. It is raised whenever an attribute comes or goes, so that a release
    /// that knows nothing of the change leaves the item alone. A name keeps its meaning for ever: what means something else
    /// is another attribute, since a reader of two formats goes by names alone.
    const FORMAT: u32 = 1;

    /// The newest format that is read. A release that reads the next format before any release writes it lets that one
    /// be rolled back.
    const READS_FORMAT: u32 = Self::FORMAT;

    /// Attributes of other formats: a write takes them out of the item.
    const RETIRED: &'static [&'static str] = &[];

    /// Whether `event.late` is emitted for events that come too late. It takes a stream of signals.
    const EMITS_LATE: bool = false;

    /// Whether events come from the stream of signals, so that their origins are to be believed.
    const READS_SIGNALS: bool = false;

    /// Whether the consumer has a use for this type of event.
    fn handles(data: &Data<'_>) -> bool;

    /// Applies a new event. `largest_event_time_ms` already includes the event.
    ///
    /// # Errors
    /// When the event cannot be applied to this state. The function quarantines the event, and the key goes on from
    /// the state before it.
    fn apply(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &Self::Settings,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply>;

    /// Whether the state has forgotten too much of this event's time to take it.
    fn is_too_late(&self, _event: &Event<'_>) -> bool {
        false
    }

    /// How far a timer may move the event time, in epoch milliseconds; `None` where there is nothing to wake.
    fn wakes_until_ms(&self, _settings: &Self::Settings) -> Option<i64> {
        None
    }

    /// Does what a timer was set for, once the event time has moved on. Whether that changed the state.
    ///
    /// # Errors
    /// As [`Self::apply`].
    fn wake(
        &mut self,
        _timer: TimerDue,
        _largest_event_time_ms: i64,
        _settings: &Self::Settings,
        _emit: &mut Emit<'_>,
    ) -> Result<bool, CannotApply> {
        Ok(false)
    }
}

/// An event that its consumer cannot apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be applied: {why}")]
pub struct CannotApply {
    /// The reason in words.
    pub why: String,
}

/// How an event was delivered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The shard that it was read from.
    pub shard: &'a Shard,
    /// Its position in the shard.
    pub position: &'a Position,
    /// When the stream took it, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// Whether it is a dead letter that came back.
    pub redriven: bool,
}

/// A key on the way through its records.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold<S> {
    /// The consumer's state.
    pub state: S,
    /// The proof of what was applied.
    pub ledger: Ledger,
    /// The signals to emit, in order of cause.
    pub signals: Vec<Signal>,
    /// The timers to be set, in order of cause.
    pub timers: Vec<Timer>,
    /// Whether there is anything to write.
    pub changed: bool,
}

impl<S: KeyState> Fold<S> {
    /// Starts from a stored state.
    pub fn from(state: S, ledger: Ledger) -> Self {
        Self { state, ledger, signals: Vec::new(), timers: Vec::new(), changed: false }
    }

    /// Judges one event and applies it when it is new.
    ///
    /// # Errors
    /// When the state cannot take the event. State, ledger, signals and timers may then be half changed: go on from a
    /// copy made before.
    pub fn step(
        &mut self,
        event: &Event<'_>,
        delivery: &Delivery<'_>,
        ledger_settings: &LedgerSettings,
        settings: &S::Settings,
    ) -> Result<Verdict, CannotApply> {
        if !S::handles(&event.data) {
            return Ok(Verdict::Ignored);
        }
        if let Data::TimerDue(timer) = event.data {
            return self.wake(timer, event, delivery, ledger_settings, settings);
        }
        if S::READS_SIGNALS && matches!(event.data, Data::StockSold(_) | Data::StockReturned(_)) {
            return self.step_signal(event, delivery, ledger_settings, settings);
        }
        let candidate = Candidate {
            class: event.class(),
            time_ms: event.time_ms,
            identity: event.identity(),
            payload: event.payload(),
            shard: delivery.shard.hash64(),
            position: delivery.position,
        };
        match self.ledger.judge(&candidate, ledger_settings) {
            Judgement::New if self.state.is_too_late(event) => {
                return self.late(event, delivery, LateReason::Evicted);
            }
            Judgement::New => {}
            Judgement::Redelivery => return Ok(Verdict::Redelivery),
            Judgement::Duplicate => return Ok(Verdict::Duplicate),
            Judgement::Collision => {
                self.ledger.record_collision(&candidate, ledger_settings);
                self.changed = true;
                return Ok(Verdict::Rejected(Reason::Collision));
            }
            Judgement::Late(reason) => return self.late(event, delivery, reason),
        }
        self.ledger.record(&candidate, ledger_settings);
        self.apply(event, delivery, settings)
    }

    fn apply(
        &mut self,
        event: &Event<'_>,
        delivery: &Delivery<'_>,
        settings: &S::Settings,
    ) -> Result<Verdict, CannotApply> {
        let largest_ms = self.ledger.largest_event_time_ms().unwrap_or(event.time_ms);
        let mut emit = Emit::new(event, delivery, &mut self.signals, &mut self.timers);
        self.state.apply(event, largest_ms, settings, &mut emit)?;
        self.changed = true;
        Ok(Verdict::Applied)
    }

    /// A shard delivers in order, so a signal above the last one of its shard is new, unless its function emitted it
    /// before from another position. A quarantined one that comes back below may have been applied or not.
    fn step_signal(
        &mut self,
        event: &Event<'_>,
        delivery: &Delivery<'_>,
        ledger_settings: &LedgerSettings,
        settings: &S::Settings,
    ) -> Result<Verdict, CannotApply> {
        let Some(origin) = event.origin.as_deref() else {
            return Err(CannotApply { why: "the signal does not tell its origin".to_owned() });
        };
        match self.ledger.judge_signal(event, origin) {
            SignalJudgement::New => {
                self.ledger.record_signal(event, origin, delivery.arrived_at_ms, ledger_settings);
                self.apply(event, delivery, settings)
            }
            SignalJudgement::EmittedAgain => {
                self.ledger.record_signal(event, origin, delivery.arrived_at_ms, ledger_settings);
                self.changed = true;
                Ok(Verdict::Duplicate)
            }
            SignalJudgement::Overtaken if delivery.redriven => {
                self.late(event, delivery, LateReason::Undecidable)
            }
            SignalJudgement::Overtaken | SignalJudgement::Redelivery => Ok(Verdict::Redelivery),
        }
    }

    /// A timer is no event of the key: neither watermark nor `seen` decide about it, and it does its work once, since
    /// the state that it finds the second time has done it. A key without events has nothing to wake: what the timer
    /// was set for was deleted since, or never written.
    ///
    /// It moves the event time no further than the state waits for, and not beyond its own arrival: what else it says would
    /// make true events late.
    fn wake(
        &mut self,
        timer: TimerDue,
        event: &Event<'_>,
        delivery: &Delivery<'_>,
        ledger_settings: &LedgerSettings,
        settings: &S::Settings,
    ) -> Result<Verdict, CannotApply> {
        let Some(largest_ms) = self.ledger.largest_event_time_ms() else { return Ok(Verdict::Duplicate) };
        let Some(until_ms) = self.state.wakes_until_ms(settings) else { return Ok(Verdict::Duplicate) };
        let wakes_at_ms = timer.due_at_ms.min(until_ms).min(delivery.arrived_at_ms);
        let moved = self.ledger.wake(wakes_at_ms, ledger_settings);
        let mut emit = Emit::new(event, delivery, &mut self.signals, &mut self.timers);
        let woken = self.state.wake(timer, largest_ms.max(wakes_at_ms), settings, &mut emit)?;
        self.changed |= moved || woken;
        Ok(if moved || woken { Verdict::Applied } else { Verdict::Duplicate })
    }

    fn late(
        &mut self,
        event: &Event<'_>,
        delivery: &Delivery<'_>,
        reason: LateReason,
    ) -> Result<Verdict, CannotApply> {
        if S::EMITS_LATE {
            let mut emit = Emit::new(event, delivery, &mut self.signals, &mut self.timers);
            emit.late(reason)?;
        }
        Ok(Verdict::Late(reason))
    }
}

#[cfg(test)]
mod tests;
