//! The real functions over a model world: stream, event source mapping, DynamoDB and Firehose, with everything that
//! goes wrong in them drawn from a seed. The same seed gives the same run on any machine.
//!
//! A [`plan`] says what happens, [`run`] lets it happen, and [`judge`] holds what came of it against what must be.

pub mod coverage;
pub mod judge;
pub mod many;
pub mod plan;
pub mod run;
pub mod shrink;
pub mod world;
