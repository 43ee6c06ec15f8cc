//! Settings of the function, read once from the environment.

use millrace_domain::fraud::{AmountSettings, FAILURES_LIMIT, FraudSettings, Mode, VelocitySettings};
use millrace_domain::ledger::LedgerSettings;
use millrace_lambda::config::{ConfigError, Variables, environment};
use tracing::Level;

/// The variables that are read.
pub const VARIABLES: &[&str] = &[
    "FRAUD_TABLE",
    "SIGNALS_STREAM",
    "QUARANTINE_DELIVERY_STREAM",
    "MONEY_DEDUP_WINDOW_SECONDS",
    "ACTIVITY_DEDUP_WINDOW_SECONDS",
    "SEEN_LIMIT",
    "VELOCITY_MODE",
    "VELOCITY_LIMIT",
    "VELOCITY_WINDOW_SECONDS",
    "AMOUNT_MODE",
    "AMOUNT_DEVIATIONS",
    "AMOUNT_MINIMUM_ORDERS",
    "LOG_LEVEL",
];

/// What the function can be tuned by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table.
    pub fraud_table: String,
    /// The Kinesis stream of signals.
    pub signals_stream: String,
    /// The Firehose stream of the quarantine.
    pub quarantine_delivery_stream: String,
    /// Modes and thresholds of the rules.
    pub fraud: FraudSettings,
    /// Dedup windows and limits of the ledger.
    pub ledger: LedgerSettings,
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
        let ledger = variables.ledger_settings();
        let FraudSettings { velocity, amount } = FraudSettings::default();
        let velocity = VelocitySettings {
            mode: variables.choice("VELOCITY_MODE", velocity.mode, Mode::NAMES),
            limit: variables.number("VELOCITY_LIMIT", velocity.limit, 1..=FAILURES_LIMIT - 1),
            window_ms: variables.time_ms("VELOCITY_WINDOW_SECONDS", velocity.window_ms, 1),
            // A failure that the ledger lets in must find those that it may share a window with.
            memory_ms: ledger.money_dedup_window_ms,
        };
        let amount = AmountSettings {
            mode: variables.choice("AMOUNT_MODE", amount.mode, Mode::NAMES),
            deviations: variables.number("AMOUNT_DEVIATIONS", amount.deviations, 1..=100),
            // A single order has no spread.
            minimum_orders: variables.number("AMOUNT_MINIMUM_ORDERS", amount.minimum_orders, 2..=1_000_000),
        };
        let config = Self {
            fraud_table: variables.required("FRAUD_TABLE"),
            signals_stream: variables.required("SIGNALS_STREAM"),
            quarantine_delivery_stream: variables.required("QUARANTINE_DELIVERY_STREAM"),
            fraud: FraudSettings { velocity, amount },
            ledger,
            log_level: variables.log_level(),
        };
        variables.finish(config)
    }

    /// Defaults with names for tests.
    pub fn for_testing() -> Self {
        Self {
            fraud_table: "fraud".to_owned(),
            signals_stream: "signals".to_owned(),
            quarantine_delivery_stream: "quarantine".to_owned(),
            fraud: FraudSettings::default(),
            ledger: LedgerSettings::default(),
            log_level: Level::WARN,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let given = pairs.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
            let names = ["FRAUD_TABLE", "SIGNALS_STREAM", "QUARANTINE_DELIVERY_STREAM"];
            given.or_else(|| names.contains(&name).then(|| "t".to_owned()))
        })
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
    fn names_are_required_and_the_rest_has_the_defaults_of_the_rules() {
        let config = read(&[]).unwrap();
        assert_eq!((config.fraud, config.ledger), (FraudSettings::default(), LedgerSettings::default()));
        let missing = Config::read(|_| None).unwrap_err();
        let expected =
            ["FRAUD_TABLE is missing", "SIGNALS_STREAM is missing", "QUARANTINE_DELIVERY_STREAM is missing"];
        assert_eq!(missing.problems, expected);
    }

    #[test]
    fn failures_are_kept_for_as_long_as_they_may_come_late() {
        let config = read(&[("MONEY_DEDUP_WINDOW_SECONDS", "60"), ("VELOCITY_WINDOW_SECONDS", "5")]).unwrap();
        assert_eq!((config.ledger.money_dedup_window_ms, config.fraud.velocity.memory_ms), (60_000, 60_000));
        assert_eq!(config.fraud.velocity.window_ms, 5_000);
    }

    #[test]
    fn a_rule_can_be_on_trial_or_off() {
        let config = read(&[("VELOCITY_MODE", "shadow"), ("AMOUNT_MODE", "off")]).unwrap();
        assert_eq!((config.fraud.velocity.mode, config.fraud.amount.mode), (Mode::Shadow, Mode::Off));
    }

    #[test]
    fn what_no_rule_can_work_with_is_refused() {
        let problems = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        let mode = problems("AMOUNT_MODE", "loud");
        assert!(mode.contains("AMOUNT_MODE must be off, live or shadow, is \"loud\""), "{mode}");
        // As many as are kept can never be too many.
        assert!(
            problems("VELOCITY_LIMIT", "100").contains("VELOCITY_LIMIT must be a whole number from 1 to 99")
        );
        assert!(problems("VELOCITY_WINDOW_SECONDS", "0").contains("from 1 to 604800"));
        assert!(problems("AMOUNT_DEVIATIONS", "0").contains("from 1 to 100"));
        assert!(problems("AMOUNT_MINIMUM_ORDERS", "1").contains("from 2 to 1000000"));
    }
}
