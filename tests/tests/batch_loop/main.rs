//! The rules of the batch loop and the fate of every kind of record, over adapters in memory.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod checkpoints;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod consumer;
#[cfg(test)]
mod deadlines;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod redelivery;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod verdicts;
