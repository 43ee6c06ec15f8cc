//! One key's records, folded into new state and a verdict for each.

use crate::event::Event;
use crate::ledger::{Candidate, Judgement, Ledger, LedgerSettings};
use crate::position::Position;
use crate::signal::{Origin, Signal};
use crate::verdict::Verdict;
use crate::{Data, Reason};

/// The state of one key, and how an event changes it. This is all that a new consumer has to bring.
pub trait KeyState: Clone + Default {
    /// What the consumer can be tuned by.
    type Settings;

    /// The attributes that the state is written as, beside `key`, `version` and `ledger`. One that is absent from
    /// a written state is taken out of the item.
    const ATTRIBUTES: &'static [&'static str];

    /// Whether the consumer has a use for this type of event.
    fn handles(data: &Data<'_>) -> bool;

    /// Applies a new event. `largest_event_time_ms` already includes the event.
    ///
    /// # Errors
    /// When the event cannot be applied to this state; the event is set aside and the key goes on from the state
    /// before it.
    fn apply(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &Self::Settings,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply>;
}

/// An event that its consumer cannot apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be applied: {why}")]
pub struct CannotApply {
    /// The reason in words.
    pub why: String,
}

/// Takes the signals of one event and gives each its origin.
pub struct Emit<'a> {
    lane: &'a str,
    position: &'a Position,
    next_index: u32,
    signals: &'a mut Vec<Signal>,
}

impl<'a> Emit<'a> {
    /// Takes the signals of the event at this place of a lane.
    pub fn new(lane: &'a str, position: &'a Position, signals: &'a mut Vec<Signal>) -> Self {
        Self { lane, position, next_index: 0, signals }
    }

    /// Emits a signal for `key`, with its data as JSON text.
    pub fn signal(&mut self, key: String, signal_type: &'static str, time_ms: i64, data: String) {
        let origin =
            Origin { lane: self.lane.to_owned(), position: self.position.clone(), index: self.next_index };
        self.next_index += 1;
        self.signals.push(Signal { key, signal_type, time_ms, origin, data });
    }
}

/// A key on the way through its records.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold<S> {
    /// The consumer's state.
    pub state: S,
    /// The proof of what was applied.
    pub ledger: Ledger,
    /// What is to be told to others, in order of cause.
    pub signals: Vec<Signal>,
    /// Whether there is anything to write.
    pub changed: bool,
}

impl<S: KeyState> Fold<S> {
    /// Starts from a stored state.
    pub fn from(state: S, ledger: Ledger) -> Self {
        Self { state, ledger, signals: Vec::new(), changed: false }
    }

    /// Judges one event and applies it when it is new.
    ///
    /// # Errors
    /// When the state cannot take the event. State, ledger and signals may then be half changed: go on from a
    /// copy made before.
    pub fn step(
        &mut self,
        event: &Event<'_>,
        lane: &str,
        position: &Position,
        ledger_settings: &LedgerSettings,
        settings: &S::Settings,
    ) -> Result<Verdict, CannotApply> {
        if !S::handles(&event.data) {
            return Ok(Verdict::PassedOver);
        }
        let candidate = Candidate {
            class: event.class(),
            time_ms: event.time_ms,
            identity: event.identity(),
            payload: event.payload(),
            lane,
            position,
        };
        match self.ledger.judge(&candidate, ledger_settings) {
            Judgement::New => {}
            Judgement::Redelivery => return Ok(Verdict::Redelivery),
            Judgement::Duplicate => return Ok(Verdict::Duplicate),
            Judgement::Collision => {
                self.ledger.set_aside(&candidate, ledger_settings);
                self.changed = true;
                return Ok(Verdict::Refused(Reason::Collision));
            }
            Judgement::Late(cause) => return Ok(Verdict::Late(cause)),
        }
        self.ledger.record(&candidate, ledger_settings);
        let largest_ms = self.ledger.largest_event_time_ms().unwrap_or(event.time_ms);
        let mut emit = Emit::new(lane, position, &mut self.signals);
        self.state.apply(event, largest_ms, settings, &mut emit)?;
        self.changed = true;
        Ok(Verdict::Applied)
    }
}
