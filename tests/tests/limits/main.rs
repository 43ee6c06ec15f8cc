//! Every limit at its border: the value at the limit is taken, and one beyond it is refused by reason and field.
//!
//! Borders that a unit test beside their code holds are not repeated: events of a CloudEvents batch, clock skew, characters of
//! an event time, digits of a sequence number, bytes of a line, inflated bytes of one payload.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod events;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod records;
#[cfg(test)]
mod texts;
