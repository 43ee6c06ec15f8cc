//! In-memory adapters, failure injection and builders for tests.
