//! What one event makes its consumer emit.

use std::fmt::Display;

use serde::Serialize;

use super::{CannotApply, Delivery};
use crate::event::Event;
use crate::identity::cause_hash;
use crate::signal::{EVENT_LATE, Origin, Signal};
use crate::timer::Timer;
use crate::verdict::LateReason;

/// Takes the signals and timers of one event, and gives each signal its id and its origin.
pub struct Emit<'a> {
    event: &'a Event<'a>,
    delivery: &'a Delivery<'a>,
    next_index: u32,
    signals: &'a mut Vec<Signal>,
    timers: &'a mut Vec<Timer>,
}

/// The data of `event.late`: a reference to the event, and why it was too late.
#[derive(Debug, Serialize)]
struct LateEvent<'a> {
    event_source: &'a str,
    event_id: &'a str,
    event_type: &'a str,
    reason: LateReason,
}

impl<'a> LateEvent<'a> {
    fn of(event: &'a Event<'_>, reason: LateReason) -> Self {
        Self { event_source: &event.source, event_id: &event.id, event_type: &event.event_type, reason }
    }
}

impl<'a> Emit<'a> {
    /// Takes what this event causes.
    pub fn new(
        event: &'a Event<'a>,
        delivery: &'a Delivery<'a>,
        signals: &'a mut Vec<Signal>,
        timers: &'a mut Vec<Timer>,
    ) -> Self {
        Self { event, delivery, next_index: 0, signals, timers }
    }

    /// The key of the event that is the cause.
    pub fn subject(&self) -> &'a str {
        &self.event.subject
    }

    /// Emits a signal for `key`.
    ///
    /// # Errors
    /// When the data cannot be written as JSON.
    pub fn signal(
        &mut self,
        key: &str,
        signal_type: &'static str,
        time_ms: i64,
        data: &impl Serialize,
    ) -> Result<(), CannotApply> {
        self.push(key, signal_type, time_ms, data, self.next_index)
    }

    /// Emits that the event came too late. The same event may have been applied before and have emitted something else
    /// then, so this has an id of its own.
    pub(super) fn late(&mut self, reason: LateReason) -> Result<(), CannotApply> {
        let data = LateEvent::of(self.event, reason);
        self.push(&self.event.subject, EVENT_LATE, self.event.time_ms, &data, "late")
    }

    fn push(
        &mut self,
        key: &str,
        signal_type: &'static str,
        time_ms: i64,
        data: &impl Serialize,
        name: impl Display,
    ) -> Result<(), CannotApply> {
        let data = serde_json::to_string(data)
            .map_err(|error| CannotApply { why: format!("its signal cannot be written: {error}") })?;
        let index = self.next_index;
        self.next_index += 1;
        let cause = cause_hash(&self.event.source, &self.event.subject, &self.event.id);
        let (shard, position) = (self.delivery.shard.clone(), self.delivery.position.clone());
        self.signals.push(Signal {
            key: key.to_owned(),
            signal_type,
            id: format!("{cause:032x}-{name}"),
            time_ms,
            origin: Origin { shard, position, index },
            data,
        });
        Ok(())
    }

    /// Wants the event's key to be woken when event time reaches `due_at_ms`.
    pub fn timer(&mut self, due_at_ms: i64) {
        self.timers.push(Timer { key: self.event.subject.clone().into_owned(), due_at_ms });
    }
}
