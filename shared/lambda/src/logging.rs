//! Structured logs on standard output: one JSON object a line, never a payload.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;

/// Our own crates, which keep payloads out of what they log.
const OWN: [&str; 5] = ["millrace_lambda", "millrace_aws", "sessions", "archive", "redrive"];

/// Starts logging: our own crates at this level, all others from warnings on, since the runtime and the SDK show
/// whole payloads below that. A second start in one process changes nothing.
///
/// A panic is logged by its place alone: its message may quote an event.
pub fn start(level: Level) {
    let level = LevelFilter::from_level(level);
    let filter = Targets::new().with_default(LevelFilter::WARN).with_targets(OWN.map(|name| (name, level)));
    let json = fmt::layer().json().flatten_event(true).with_current_span(false);
    // Only fails when a subscriber is set already, which is then the one that was asked for.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(json).with(filter));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}
