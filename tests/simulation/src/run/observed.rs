//! The session state, with a list of what was applied to it, kept in the same item by the same write.

use millrace_domain::fold::{CannotApply, Emit, KeyState};
use millrace_domain::session::{SessionSettings, SessionState};
use millrace_domain::{Data, Event};
use serde::{Deserialize, Serialize};

use crate::plan::POISON_SKU;

/// What the consumer's code says when it panics on purpose.
pub const POISON: &str = "this event is poison";

/// A user's state, and the codes of the events that made it, in the order in which they were applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The state that the function keeps.
    #[serde(flatten)]
    pub state: SessionState,
    /// What was applied, each as [`code`] names it.
    #[serde(default)]
    pub applied: Vec<u64>,
}

/// Identity and payload of an event in one number: the plan's ids are small.
pub fn code(event: &Event<'_>) -> u64 {
    let id: u64 = event.id.trim_start_matches('e').parse().unwrap_or_default();
    id << 32 | u64::from(event.payload())
}

const COUNT: usize = SessionState::ATTRIBUTES.len() + 1;

const ALL: [&str; COUNT] = {
    let mut all = ["applied"; COUNT];
    let mut index = 0;
    while index < SessionState::ATTRIBUTES.len() {
        all[index] = SessionState::ATTRIBUTES[index];
        index += 1;
    }
    all
};

impl KeyState for Observed {
    type Settings = SessionSettings;

    const ATTRIBUTES: &'static [&'static str] = &ALL;

    fn handles(data: &Data<'_>) -> bool {
        SessionState::handles(data)
    }

    #[expect(clippy::panic, reason = "some events are there to make the consumer's code panic")]
    fn apply(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &SessionSettings,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        if event.raw_data.contains(POISON_SKU) {
            panic!("{POISON}");
        }
        self.state.apply(event, largest_event_time_ms, settings, emit)?;
        self.applied.push(code(event));
        Ok(())
    }
}
