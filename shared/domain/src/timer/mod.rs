//! Timers: a window that nobody touches must close all the same.
//!
//! A timer is stored before the state that needs it is committed. When it is due, it comes back as a `timer.due` event
//! through the stream, behind everything that its key has sent. `stored.rs` says where it is stored until then,
//! `minute.rs` which minutes are read for what is due.

mod minute;
mod stored;

pub use minute::{LOOK_BACK_MINUTES, Minute, NotAMinute, first_cursor, minutes_to_take};
use serde::{Deserialize, Serialize};
pub use stored::{NotATimer, SPREAD, StoredTimer, TimeBucket, sort_key, sort_key_beyond, timer_of};

use crate::invalid::{Invalid, Reason};
use crate::number_text::whole_number;
use crate::time::{LARGEST_EPOCH_MS, format_rfc3339_ms};

/// The event type of a timer that is due.
pub const TYPE: &str = "timer.due";
/// The only source of timers that are due.
pub const SOURCE: &str = "urn:millrace:close";

/// A moment in event time at which a key wants to be woken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// The key to wake.
    pub key: String,
    /// When, in epoch milliseconds of event time.
    pub due_at_ms: i64,
}

/// The data of `timer.due`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerDue {
    /// The moment for which the timer was set, in epoch milliseconds. Equals the event's time.
    #[serde(deserialize_with = "whole_number")]
    pub due_at_ms: i64,
}

#[derive(Serialize)]
struct Wire<'a> {
    specversion: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    source: &'a str,
    id: String,
    subject: &'a str,
    time: String,
    data: TimerDue,
}

fn id_of(due_at_ms: i64) -> String {
    format!("due/{due_at_ms}")
}

impl Timer {
    /// The `timer.due` event as JSON text. It depends on the timer alone, so that putting it twice puts the same.
    ///
    /// # Errors
    /// Never for a timer of a key that the stream has taken; the type says so because JSON text is written by a library
    /// that may fail.
    pub fn event_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Wire {
            specversion: "1.0",
            event_type: TYPE,
            source: SOURCE,
            id: id_of(self.due_at_ms),
            subject: &self.key,
            time: format_rfc3339_ms(self.due_at_ms),
            data: TimerDue { due_at_ms: self.due_at_ms },
        })
    }
}

impl TimerDue {
    /// Holds the envelope against the data: only `close` writes such events, and of what they say nothing but the key and
    /// the moment is free.
    pub(crate) fn check_envelope(&self, source: &str, id: &str, time_ms: i64) -> Result<(), Invalid> {
        let reject = |field: &str, rule: &str| Err(Invalid::field(Reason::Envelope, field, rule));
        if source != SOURCE {
            return reject("source", "must be that of close");
        }
        if time_ms != self.due_at_ms {
            return reject("time", "must equal data.due_at_ms");
        }
        if id != id_of(self.due_at_ms) {
            return reject("id", "must name data.due_at_ms");
        }
        Ok(())
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        match self.due_at_ms {
            0..=LARGEST_EPOCH_MS => Ok(()),
            _ => Err(Invalid::field(Reason::Contract, "data.due_at_ms", "must be a moment of 1970 to 9999")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Data;

    #[test]
    fn a_timer_comes_back_as_an_event_of_its_key() {
        let timer = Timer { key: "user-\"1".to_owned(), due_at_ms: 1_291_191_960_120 };
        let text = timer.event_text().unwrap();
        let event = crate::envelope::read_event(&text).unwrap();
        assert_eq!((&*event.subject, event.time_ms), (timer.key.as_str(), timer.due_at_ms));
        assert_eq!(event.data, Data::TimerDue(TimerDue { due_at_ms: timer.due_at_ms }));
    }

    #[test]
    fn the_envelope_of_a_timer_says_what_its_data_says() {
        let text = Timer { key: "u".to_owned(), due_at_ms: 1_291_191_960_120 }.event_text().unwrap();
        let cases = [
            (SOURCE, "urn:other", "source must be that of close"),
            ("08:26:00.120Z", "08:26:00.121Z", "time must equal data.due_at_ms"),
            ("due/1", "due/2", "id must name data.due_at_ms"),
            (r#""due_at_ms":1"#, r#""due_at_ms":2"#, "time must equal data.due_at_ms"),
        ];
        for (old, new, expected) in cases {
            let forged = text.replace(old, new);
            assert_ne!(forged, text);
            assert_eq!(crate::envelope::read_event(&forged).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_due_time_is_one_that_an_event_can_have() {
        let cases = [(-1, false), (0, true), (LARGEST_EPOCH_MS, true), (LARGEST_EPOCH_MS + 1, false)];
        for (due_at_ms, expected) in cases {
            assert_eq!(TimerDue { due_at_ms }.check().is_ok(), expected, "{due_at_ms}");
        }
    }
}
