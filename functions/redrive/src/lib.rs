//! Brings dead letters back through the stream: each record becomes a `record.redriven` event under its own key, so
//! that the key keeps one sequence.

#[cfg(feature = "s3")]
mod adapters;
pub mod answer;
mod burst;
pub mod config;
mod envelopes;
mod listing;
pub mod request;
mod run;
mod source;

#[cfg(feature = "s3")]
pub use adapters::adapters;
pub use answer::{Answer, Counts, ObjectResult, Status};
pub use config::Config;
pub use listing::{MARKS_ROOT, mark_of};
pub use request::{Mode, Request, Source};
pub use run::run;

/// The function's name, in metrics.
pub const NAME: &str = "redrive";
