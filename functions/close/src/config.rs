//! Settings of the function, read once from the environment.

use millrace_domain::session::SessionSettings;
use millrace_lambda::config::{ConfigError, Variables, environment};
use tracing::Level;

/// The variables that are read.
pub const VARIABLES: &[&str] = &[
    "TIMERS_TABLE",
    "EVENTS_STREAM",
    "SESSIONS_TABLE",
    "RUN_LIMIT_TIMERS",
    "SESSION_GAP_SECONDS",
    "ALLOWED_LATENESS_SECONDS",
    "LOG_LEVEL",
];

/// Most timers of a run, where nothing else is said: a shard takes 1,000 records a second, so this is what a single one
/// takes in most of a minute.
pub const DEFAULT_RUN_LIMIT_TIMERS: usize = 50_000;

/// What the function can be tuned by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The table of timers.
    pub timers_table: String,
    /// The stream that timers go into when they are due.
    pub events_stream: String,
    /// The table of sessions, for sweeps.
    pub sessions_table: String,
    /// Most timers of a run, and of a sweep but for its last page.
    pub run_limit_timers: usize,
    /// Gap and lateness of session windows, for sweeps.
    pub session: SessionSettings,
    /// The least severe level that is logged.
    pub log_level: Level,
}

impl Config {
    /// The settings of the process's environment.
    ///
    /// # Errors
    /// When variables are missing or out of range; all of them are listed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(environment)
    }

    /// Settings from variables that `look_up` finds.
    ///
    /// # Errors
    /// When variables are missing or out of range; all of them are listed.
    pub fn read(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut variables = Variables::new(look_up);
        let config = Self {
            timers_table: variables.required("TIMERS_TABLE"),
            events_stream: variables.required("EVENTS_STREAM"),
            sessions_table: variables.required("SESSIONS_TABLE"),
            run_limit_timers: variables.number("RUN_LIMIT_TIMERS", DEFAULT_RUN_LIMIT_TIMERS, 1..=1_000_000),
            session: variables.session_settings(),
            log_level: variables.log_level(),
        };
        variables.finish(config)
    }

    /// Defaults with names for tests.
    pub fn for_testing() -> Self {
        Self {
            timers_table: "timers".to_owned(),
            events_stream: "events".to_owned(),
            sessions_table: "sessions".to_owned(),
            run_limit_timers: DEFAULT_RUN_LIMIT_TIMERS,
            session: SessionSettings::default(),
            log_level: Level::WARN,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_listed_variables_are_those_that_are_read() {
        let read = RefCell::new(BTreeSet::new());
        let _ = Config::read(|name| {
            read.borrow_mut().insert(name.to_owned());
            None
        });
        assert_eq!(read.into_inner(), VARIABLES.iter().map(|name| (*name).to_owned()).collect());
    }

    #[test]
    fn names_are_required_and_the_rest_has_defaults() {
        let missing = Config::read(|_| None).unwrap_err();
        assert_eq!(
            missing.problems,
            ["TIMERS_TABLE is missing", "EVENTS_STREAM is missing", "SESSIONS_TABLE is missing"]
        );
        let named = |name: &str| ["_TABLE", "_STREAM"].iter().any(|end| name.ends_with(end));
        let config = Config::read(|name| {
            named(name).then(|| name.to_lowercase().replace("_table", "").replace("_stream", ""))
        });
        let config = Config { log_level: Level::WARN, ..config.unwrap() };
        assert_eq!(config, Config::for_testing());
    }

    #[test]
    fn windows_wait_no_longer_than_their_gap() {
        let error =
            Config::read(|name| Some(if name == "SESSION_GAP_SECONDS" { "60" } else { "600" }.to_owned()));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("must not be above SESSION_GAP_SECONDS"), "{text}");
    }
}
