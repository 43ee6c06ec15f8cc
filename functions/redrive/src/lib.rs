//! Brings dead letters back through the stream: each record becomes a `record.redriven` event under its own key, so
//! that the key keeps one sequence.

#[cfg(feature = "s3")]
mod adapters;
pub mod answer;
mod burst;
pub mod config;
mod dead_letters;
mod listing;
mod redrive_envelopes;
pub mod request;
mod run;

#[cfg(feature = "s3")]
pub use adapters::adapters;
pub use answer::{Answer, Counts, ObjectResult, Status};
pub use config::Config;
pub use listing::{MARKS_ROOT, mark_of};
pub use request::{DeadLetters, Mode, Request};
pub use run::run;

/// The function's name, in metrics.
pub const NAME: &str = "redrive";
