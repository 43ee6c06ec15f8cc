//! The function over adapters in memory: what it relays, and what it applies.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod stock;
