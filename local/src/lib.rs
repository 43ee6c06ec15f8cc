//! Millrace on one machine: real emulators on loopback, the event source mapping, and the functions' own handlers.
//!
//! A development tool. In production the engine is AWS: Kinesis, Lambda, DynamoDB, Firehose.

pub mod cli;
mod clock;
mod commands;
mod error;
pub mod input;
mod logging;
mod made_up_users;
mod mapping;
pub mod objects;
mod options;
mod output;
mod say;
mod trouble;
mod world;

pub use error::Error;
