//! What goes wrong between an SDK client and an AWS service: requests and answers lost, throttles, partial failures,
//! slowness, and the death of the process that called.
//!
//! A [`Source`] says which fault a call meets: drawn by [`Seeded`], or taken from a [`Listed`] script. [`FaultyHttp`]
//! carries it out at the place where the SDK would open a connection, so everything above it is the real thing:
//! serialization, error classes, time limits. The same faults serve a simulation over model services and a local run
//! over emulators.

mod call;
mod fault;
mod http;
mod partial;
mod process;
mod source;

pub use call::Call;
pub use fault::Fault;
pub use http::{FaultyHttp, SharedSource};
pub use process::{Crashed, process_id, run_process};
pub use source::{Calls, Listed, Outage, Rates, Seeded, Source, Strike};
