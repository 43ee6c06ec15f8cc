//! A small state that shows every way in which a consumer can take an event.

use millrace_domain::fold::{CannotApply, Emit, KeyState};
use millrace_domain::{Data, Event};
use serde::{Deserialize, Serialize};

/// Counts events. A sku of `panic` panics, one of `reject` cannot be applied; both only after they have changed
/// the state and emitted a signal, so that a test sees whether either stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Events applied.
    pub count: u64,
    /// The skus applied, in the order in which they came.
    pub skus: Vec<String>,
    /// The last sku, unless it was `none`: an attribute that comes and goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sku: Option<String>,
}

/// Which events emit a signal, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterSettings {
    /// The event that makes the count this high is the first to emit a signal.
    pub signals_from: u64,
    /// The key that signals are for; the event's own where there is none.
    pub signals_to: Option<&'static str>,
}

impl Default for CounterSettings {
    fn default() -> Self {
        Self { signals_from: 1, signals_to: None }
    }
}

impl KeyState for Counter {
    type Settings = CounterSettings;

    const ATTRIBUTES: &'static [&'static str] = &["count", "skus", "last_sku"];

    fn handles(data: &Data<'_>) -> bool {
        matches!(data, Data::ProductViewed(_) | Data::OrderPlaced(_))
    }

    fn apply(
        &mut self,
        event: &Event<'_>,
        _largest_event_time_ms: i64,
        settings: &CounterSettings,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        let sku = match &event.data {
            Data::ProductViewed(view) => view.sku.as_ref(),
            _ => "order",
        };
        self.count += 1;
        self.skus.push(sku.to_owned());
        self.last_sku = (sku != "none").then(|| sku.to_owned());
        if self.count >= settings.signals_from {
            let key = settings.signals_to.unwrap_or(&event.subject);
            emit.signal(key, "counted", event.time_ms, &format!("{}:{}", event.id, self.count))?;
        }
        match sku {
            "panic" => panic!("{} holds a panic", event.id),
            "reject" => Err(CannotApply { why: "the counter rejects this sku".to_owned() }),
            _ => Ok(()),
        }
    }
}
