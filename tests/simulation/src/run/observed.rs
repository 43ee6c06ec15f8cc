//! A consumer's state, with a list of what was applied to it, kept in the same item by the same write.

use millrace_domain::fold::{CannotApply, Emit, KeyState};
use millrace_domain::timer::TimerDue;
use millrace_domain::{Data, Event};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::plan::POISON_SKU;

/// What the consumer's code says when it panics on purpose.
pub const POISON: &str = "this event is poison";

/// A key's state, and the codes of what made it, in the order in which it was applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed<S> {
    /// The state that the function keeps.
    #[serde(flatten)]
    pub state: S,
    /// What was applied, each as [`code`] or [`wake_code`] names it.
    #[serde(default)]
    pub applied: Vec<u64>,
    /// The largest event time that was applied, so that a timer that moves it can be told from others.
    #[serde(default)]
    pub largest_ms: i64,
}

/// Codes of timers and of signals have a bit that no other has.
const TIMER_BIT: u64 = 1 << 62;
const SIGNAL_BIT: u64 = 1 << 61;

/// An event in one number: identity and payload of a producer's, whose ids are small; a hash of source, id and origin of
/// a signal, which counts once an origin.
pub fn code(event: &Event<'_>) -> u64 {
    match (event.id.strip_prefix('e').and_then(|id| id.parse::<u64>().ok()), &event.origin) {
        (Some(id), _) => id << 32 | u64::from(event.payload()),
        (None, origin) => {
            let origin = origin.as_deref().map(|origin| format!("{origin:?}"));
            signal_code(&event.source, &event.id, &origin.unwrap_or_default())
        }
    }
}

/// A signal with this origin in one number.
fn signal_code(source: &str, id: &str, origin: &str) -> u64 {
    xxh3_64(format!("{source} {id} {origin}").as_bytes()) >> 4 | SIGNAL_BIT
}

/// A timer that is due at this time, in epoch milliseconds, in one number.
pub fn wake_code(due_at_ms: i64) -> u64 {
    due_at_ms.unsigned_abs() | TIMER_BIT
}

const LIMIT: usize = 16;

impl<S: KeyState> Observed<S> {
    const COUNT: usize = S::ATTRIBUTES.len() + 2;

    const PADDED: &'static [&'static str; LIMIT] = &{
        let mut all = ["applied"; LIMIT];
        let mut index = 0;
        while index < S::ATTRIBUTES.len() {
            all[index] = S::ATTRIBUTES[index];
            index += 1;
        }
        all[index] = "largest_ms";
        all
    };
}

impl<S: KeyState> KeyState for Observed<S> {
    type Settings = S::Settings;

    const ATTRIBUTES: &'static [&'static str] = Self::PADDED.split_at(Self::COUNT).0;

    const FORMAT: u32 = S::FORMAT;
    const READS_FORMAT: u32 = S::READS_FORMAT;
    const RETIRED: &'static [&'static str] = S::RETIRED;

    const EMITS_LATE: bool = S::EMITS_LATE;

    const READS_SIGNALS: bool = S::READS_SIGNALS;

    fn handles(data: &Data<'_>) -> bool {
        S::handles(data)
    }

    #[expect(clippy::panic, reason = "some events are there to make the consumer's code panic")]
    fn apply(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &S::Settings,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        if event.raw_data.contains(POISON_SKU) {
            panic!("{POISON}");
        }
        self.state.apply(event, largest_event_time_ms, settings, emit)?;
        self.applied.push(code(event));
        self.largest_ms = largest_event_time_ms;
        Ok(())
    }

    fn is_too_late(&self, event: &Event<'_>) -> bool {
        self.state.is_too_late(event)
    }

    fn wakes_until_ms(&self, settings: &S::Settings) -> Option<i64> {
        self.state.wakes_until_ms(settings)
    }

    fn wake(
        &mut self,
        timer: TimerDue,
        largest_event_time_ms: i64,
        settings: &S::Settings,
        emit: &mut Emit<'_>,
    ) -> Result<bool, CannotApply> {
        let woken = self.state.wake(timer, largest_event_time_ms, settings, emit)?;
        if woken || largest_event_time_ms > self.largest_ms {
            self.applied.push(wake_code(timer.due_at_ms));
            self.largest_ms = largest_event_time_ms;
        }
        Ok(woken)
    }
}
