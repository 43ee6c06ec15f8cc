//! The commands.

pub(crate) mod demo;
pub(crate) mod generate;
mod pipeline;
pub(crate) mod redrive;
pub(crate) mod reorder_points;
pub(crate) mod replay;
mod schedule;

pub(crate) use pipeline::{Fed, Saved};
pub(crate) mod serve;
