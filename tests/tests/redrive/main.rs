//! Dead letters come back through the stream, and change nothing twice.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod kinesis;
#[cfg(test)]
mod on_failure;
#[cfg(test)]
mod order;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod redrive_envelopes;
#[cfg(test)]
mod rounds;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod s3;
