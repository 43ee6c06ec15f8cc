//! Structured logs on standard output: one JSON object a line, never a payload.

use tracing::Level;
use tracing_subscriber::fmt;

/// Starts logging at this level. A second start in one process changes nothing.
pub fn start(level: Level) {
    let subscriber = fmt().json().flatten_event(true).with_current_span(false).with_max_level(level).finish();
    // Only fails when a subscriber is set already, which is then the one that was asked for.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
