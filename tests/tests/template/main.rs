//! Holds `template.yaml` against the code that it deploys, and against limits of AWS that only a deployment or a
//! lost record would show.

#![cfg(test)]

mod alarms;
mod capacity;
mod close;
mod concurrency;
mod consumers;
mod dashboard;
mod functions;
mod keys;
mod lake;
mod notice;
mod parameters;
mod redrive;
mod roles;
mod safety;
mod subscribers;
mod tables;
mod tags;
mod traces;
mod yaml;
