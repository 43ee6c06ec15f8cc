//! Every decoder as a fuzz target: a function of bytes that asserts what must hold for all of them.
//!
//! A new decoder is one function, one line in [`TARGETS`], and one folder in `tests/fuzz_corpus`. The corpus and
//! bounded mutations of it run under plain `cargo test`; `fuzz/` runs the same functions for as long as one likes.

mod check;
mod contracts;
mod event;
mod kinesis;
mod kpl;
mod ledger;
mod model;
pub mod mutate;
mod on_failure;
mod payload;
mod quarantine;
mod record;
mod redrive;
mod redrive_envelope;
mod request;
mod schema_registry;
mod stock_item;
mod timer;
mod write;

/// A decoder, and what is asserted of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Panics where a property does not hold for these bytes.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "kinesis", run: kinesis::run },
    Target { name: "kpl", run: kpl::run },
    Target { name: "schema_registry", run: schema_registry::run },
    Target { name: "record", run: record::run },
    Target { name: "payload", run: payload::run },
    Target { name: "cart", run: contracts::cart },
    Target { name: "order", run: contracts::order },
    Target { name: "payment", run: contracts::payment },
    Target { name: "product", run: contracts::product },
    Target { name: "stock", run: contracts::stock },
    Target { name: "ledger", run: ledger::run },
    Target { name: "recent_moves", run: stock_item::recent_moves },
    Target { name: "points_file", run: stock_item::points_file },
    Target { name: "timer", run: timer::run },
    Target { name: "redrive_envelope", run: redrive_envelope::run },
    Target { name: "on_failure", run: on_failure::run },
    Target { name: "quarantine", run: quarantine::run },
    Target { name: "request", run: request::run },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
