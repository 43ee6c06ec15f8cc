//! What was set aside comes back through the stream, and changes nothing twice.

#[cfg(test)]
mod carriers;
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
mod rounds;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod s3;
