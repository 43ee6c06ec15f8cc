//! Settings of the function, read once from the environment.

use millrace_aws::firehose::RECORD_LIMIT_ROWS;
use millrace_domain::lake::RowSettings;
use millrace_lambda::config::{ConfigError, Variables, environment};
use tracing::Level;

/// The variables that are read.
pub const VARIABLES: &[&str] = &[
    "LAKE_DELIVERY_STREAM",
    "SIGNALS_STREAM",
    "QUARANTINE_DELIVERY_STREAM",
    "RECORD_LIMIT_ROWS",
    "LAKE_MAXIMUM_ROW_AGE_DAYS",
    "LOG_LEVEL",
];

/// What the function can be tuned by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The Firehose stream of the lake.
    pub lake_delivery_stream: String,
    /// The Kinesis stream of signals: what others relay into it is a row already.
    pub signals_stream: String,
    /// The Firehose stream of the quarantine.
    pub quarantine_delivery_stream: String,
    /// Most rows of one Firehose record; 1 for endpoints that do not take records apart.
    pub rows_per_record: usize,
    /// How rows find their day.
    pub rows: RowSettings,
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

    /// Settings from variables that `look_up` finds. A `LAKE_MAXIMUM_ROW_AGE_DAYS` of 0 turns that limit off.
    ///
    /// # Errors
    /// When variables are missing or out of range; all of them are listed.
    pub fn read(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut variables = Variables::new(look_up);
        let default_days = RowSettings::default().maximum_row_age_days.unwrap_or_default();
        let days = variables.number("LAKE_MAXIMUM_ROW_AGE_DAYS", default_days, 0..=36_500);
        let config = Self {
            lake_delivery_stream: variables.required("LAKE_DELIVERY_STREAM"),
            signals_stream: variables.required("SIGNALS_STREAM"),
            quarantine_delivery_stream: variables.required("QUARANTINE_DELIVERY_STREAM"),
            rows_per_record: variables.number("RECORD_LIMIT_ROWS", RECORD_LIMIT_ROWS, 1..=RECORD_LIMIT_ROWS),
            rows: RowSettings { maximum_row_age_days: (days > 0).then_some(days) },
            log_level: variables.log_level(),
        };
        variables.finish(config)
    }

    /// Defaults with names for tests.
    pub fn for_testing() -> Self {
        Self {
            lake_delivery_stream: "lake".to_owned(),
            signals_stream: "signals".to_owned(),
            quarantine_delivery_stream: "quarantine".to_owned(),
            rows_per_record: RECORD_LIMIT_ROWS,
            rows: RowSettings::default(),
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
    fn a_limit_of_no_days_is_none() {
        let config =
            Config::read(|name| Some(if name == "LOG_LEVEL" { "WARN" } else { "1" }.to_owned())).unwrap();
        assert_eq!(config.rows.maximum_row_age_days, Some(1));
        let off = |name: &str| {
            Some(if name == "LAKE_MAXIMUM_ROW_AGE_DAYS" { "0" } else { "" }.to_owned())
                .filter(|v| !v.is_empty())
        };
        assert_eq!(Config::read(off).unwrap_err().problems.len(), 3);
    }

    #[test]
    fn more_rows_than_firehose_takes_apart_are_refused() {
        let error = Config::read(|name| (name == "RECORD_LIMIT_ROWS").then(|| "501".to_owned())).unwrap_err();
        assert!(
            error.to_string().contains("RECORD_LIMIT_ROWS must be a whole number from 1 to 500"),
            "{error}"
        );
    }
}
