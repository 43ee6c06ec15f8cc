//! Holds `template.yaml` against the code that it deploys, and against limits of AWS that only a deployment or a
//! lost record would show.

#[cfg(test)]
mod alarms;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod close;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod consumers;
#[cfg(test)]
mod dashboard;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lake;
#[cfg(test)]
mod notice;
#[cfg(test)]
mod parameters;
#[cfg(test)]
mod redrive;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod safety;
#[cfg(test)]
mod subscribers;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tags;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod yaml;
