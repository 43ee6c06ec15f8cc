//! Timers that are due come back through the stream, whatever goes wrong on the way; and one contract for the tables in
//! memory and in DynamoDB, as an emulator speaks it over HTTP.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod emulator;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod random;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sweeps;
