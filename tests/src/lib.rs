//! Scenarios, laws, and checks of template and documents.
//!
//! The library holds what the tests share with the long fuzz runs of `fuzz/`: the targets, and how inputs are
//! mutated.

#![expect(clippy::expect_used, reason = "a property that does not hold ends its run")]

pub mod fuzz;
