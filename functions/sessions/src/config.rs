//! Settings of the function, read once from the environment.

use millrace_domain::ledger::LedgerSettings;
use millrace_domain::session::SessionSettings;
use millrace_lambda::config::{ConfigError, Variables, environment};
use tracing::Level;

/// The variables that are read.
pub const VARIABLES: &[&str] = &[
    "SESSIONS_TABLE",
    "TIMERS_TABLE",
    "SIGNALS_STREAM",
    "QUARANTINE_DELIVERY_STREAM",
    "SESSION_GAP_SECONDS",
    "ALLOWED_LATENESS_SECONDS",
    "MONEY_DEDUP_WINDOW_SECONDS",
    "ACTIVITY_DEDUP_WINDOW_SECONDS",
    "SEEN_LIMIT",
    "CACHE_ITEMS",
    "LOG_LEVEL",
];

/// What the function can be tuned by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table.
    pub sessions_table: String,
    /// The DynamoDB table of timers.
    pub timers_table: String,
    /// The Kinesis stream of signals.
    pub signals_stream: String,
    /// The Firehose stream of the quarantine.
    pub quarantine_delivery_stream: String,
    /// Gap and lateness of session windows.
    pub session: SessionSettings,
    /// Dedup windows and limits of the ledger.
    pub ledger: LedgerSettings,
    /// Most items to remember between invocations; 0 turns that off. Where most batches emit a signal it saves nothing:
    /// their items are read all the same.
    pub cache_items: usize,
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
        let (session, ledger) = (variables.session_settings(), variables.ledger_settings());
        if ledger.activity_dedup_window_ms < session.lateness_ms {
            variables.problem(
                "ACTIVITY_DEDUP_WINDOW_SECONDS must not be below ALLOWED_LATENESS_SECONDS".to_owned(),
            );
        }
        let config = Self {
            sessions_table: variables.required("SESSIONS_TABLE"),
            timers_table: variables.required("TIMERS_TABLE"),
            signals_stream: variables.required("SIGNALS_STREAM"),
            quarantine_delivery_stream: variables.required("QUARANTINE_DELIVERY_STREAM"),
            session,
            ledger,
            cache_items: variables.number("CACHE_ITEMS", 0, 0..=100_000),
            log_level: variables.log_level(),
        };
        variables.finish(config)
    }

    /// Defaults with names for tests.
    pub fn for_testing() -> Self {
        Self {
            sessions_table: "sessions".to_owned(),
            timers_table: "timers".to_owned(),
            signals_stream: "signals".to_owned(),
            quarantine_delivery_stream: "quarantine".to_owned(),
            session: SessionSettings::default(),
            ledger: LedgerSettings::default(),
            cache_items: 0,
            log_level: Level::WARN,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    const NAMES: [&str; 4] =
        ["SESSIONS_TABLE", "TIMERS_TABLE", "SIGNALS_STREAM", "QUARANTINE_DELIVERY_STREAM"];

    fn problems(pairs: &[(&str, &str)]) -> String {
        let look_up = |name: &str| {
            let given = pairs.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| NAMES.contains(&name).then(|| "t".to_owned()))
        };
        Config::read(look_up).map_or_else(|error| error.to_string(), |_| String::new())
    }

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
        assert_eq!(problems(&[]), "");
        let missing = Config::read(|_| None).unwrap_err();
        assert_eq!(missing.problems, NAMES.map(|name| format!("{name} is missing")));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert!(problems(&[("SESSION_GAP_SECONDS", "60")]).contains("must not be above SESSION_GAP_SECONDS"));
        assert!(
            problems(&[("ACTIVITY_DEDUP_WINDOW_SECONDS", "60")])
                .contains("must not be below ALLOWED_LATENESS_SECONDS")
        );
        assert!(
            problems(&[("SEEN_LIMIT", "0")]).contains("SEEN_LIMIT must be a whole number from 1 to 4096")
        );
    }
}
