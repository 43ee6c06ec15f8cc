//! Documents hold what they promise: commands that exist, and a way out for every alarm.

#[cfg(test)]
mod alarms;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod deployment;
#[cfg(test)]
mod tutorial;
