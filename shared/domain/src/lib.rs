//! What Millrace decides, as pure functions of state and event.
//!
//! Nothing here knows AWS, a clock, randomness or a runtime: time, position and settings are arguments, and a
//! decision is a value. The shells in `shared/lambda` and `shared/aws` load, write, and make no choice.

pub mod bounded_json;
mod carried_data;
pub mod contract;
pub mod decode;
pub mod envelope;
pub mod event;
pub mod fold;
pub mod fraud;
mod half_characters;
pub mod identity;
pub mod invalid;

pub mod json_object;
pub mod lake;
pub mod ledger;
pub mod money;
pub mod number_text;
mod owned;
pub mod position;
pub mod position_fields;
pub mod quarantine;
pub mod redrive_envelope;

pub mod session;
pub mod signal;
pub mod stock;
pub mod time;
pub mod timer;
mod varint;
pub mod verdict;
mod withdrawn;

pub use event::{Class, Data, Event};
pub use invalid::{Invalid, Reason};
pub use ledger::Ledger;
pub use position::{Position, SequenceNumber, Shard, StreamPosition};
pub use verdict::Verdict;
