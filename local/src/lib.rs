//! Millrace on one machine: demo, replay, serve, generate.
