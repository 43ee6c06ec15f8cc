//! Per-user session state from shop events.
