//! Settings of the function, read once from the environment.

use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_lambda::config::{ConfigError, Variables, environment};
use tracing::Level;

/// The variables that are read.
pub const VARIABLES: &[&str] = &[
    "DEAD_LETTER_BUCKET",
    "EVENTS_STREAM",
    "SESSIONS_FUNCTION_NAME",
    "ARCHIVE_FUNCTION_NAME",
    "FRAUD_FUNCTION_NAME",
    "INVENTORY_FUNCTION_NAME",
    "RECORD_LIMIT_BYTES",
    "LOG_LEVEL",
];

/// The consumers of the stream, by the names that redrive envelopes are addressed to.
pub const CONSUMERS: [&str; 4] = ["sessions", "archive", "fraud", "inventory"];

/// The largest record that a stream can be told to take, in bytes: 10 MiB.
const LARGEST_RECORD_BYTES: usize = 10 * 1024 * 1024;

/// What the function can be tuned by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bucket of dead letters, and of the marks.
    pub dead_letter_bucket: String,
    /// The stream that records go back into.
    pub events_stream: String,
    /// The deployed name of each consumer, in the order of [`CONSUMERS`].
    pub function_names: [String; 4],
    /// Largest redrive envelope that the stream takes, partition key included, in bytes.
    pub record_limit_bytes: usize,
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
            dead_letter_bucket: variables.required("DEAD_LETTER_BUCKET"),
            events_stream: variables.required("EVENTS_STREAM"),
            function_names: [
                "SESSIONS_FUNCTION_NAME",
                "ARCHIVE_FUNCTION_NAME",
                "FRAUD_FUNCTION_NAME",
                "INVENTORY_FUNCTION_NAME",
            ]
            .map(|name| variables.required(name)),
            record_limit_bytes: variables.number(
                "RECORD_LIMIT_BYTES",
                RECORD_LIMIT_BYTES,
                1_024..=LARGEST_RECORD_BYTES,
            ),
            log_level: variables.log_level(),
        };
        variables.finish(config)
    }

    /// Defaults with names for tests; each consumer is deployed under its own name.
    pub fn for_testing() -> Self {
        Self {
            dead_letter_bucket: "dead-letters".to_owned(),
            events_stream: "events".to_owned(),
            function_names: CONSUMERS.map(str::to_owned),
            record_limit_bytes: RECORD_LIMIT_BYTES,
            log_level: Level::WARN,
        }
    }

    /// The consumer that a function's ARN, with or without an alias or version, is deployed as.
    pub fn consumer_of(&self, function_arn: &str) -> Option<&'static str> {
        // arn:aws:lambda:<region>:<account>:function:<name>[:<alias or version>]
        let deployed = function_arn.split(':').nth(6)?;
        let index = self.function_names.iter().position(|name| name == deployed)?;
        CONSUMERS.get(index).copied()
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
    fn a_function_is_known_by_its_arn_whatever_its_alias() {
        let mut config = Config::for_testing();
        config.function_names =
            ["Sessions", "Archive", "Fraud", "Inventory"].map(|name| format!("shop-{name}Function-1"));
        let of = |rest: &str| {
            config.consumer_of(&format!("arn:aws:lambda:eu-west-1:123456789012:function:{rest}"))
        };
        assert_eq!(of("shop-SessionsFunction-1"), Some("sessions"));
        assert_eq!(of("shop-ArchiveFunction-1:live"), Some("archive"));
        assert_eq!(of("shop-ArchiveFunction"), None);
        assert_eq!(config.consumer_of("shop-ArchiveFunction-1"), None);
    }
}
