//! The rules of an event source mapping, one test each, against the public interface.
#![expect(clippy::panic, reason = "a helper that finds another action than expected fails its test")]

mod batching;
mod delivery;
mod discard;
mod harness;
mod lanes;
mod lineage;
mod retries;
