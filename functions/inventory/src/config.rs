//! Settings of the function, read once from the environment.

use std::time::Duration;

use millrace_domain::contract::QUANTITY_LIMIT;
use millrace_domain::ledger::LedgerSettings;
use millrace_domain::stock::ReorderPoint;
use millrace_domain::time::HOUR_MS;
use millrace_lambda::config::{ConfigError, Variables, environment};
use tracing::Level;

/// The variables that are read.
pub const VARIABLES: &[&str] = &[
    "STOCK_TABLE",
    "REORDER_POINTS_TABLE",
    "SIGNALS_STREAM",
    "QUARANTINE_DELIVERY_STREAM",
    "STOCK_DEDUP_WINDOW_SECONDS",
    "SEEN_LIMIT",
    "REORDER_POINTS_CACHE_SECONDS",
    "DEFAULT_REORDER_POINT",
    "DEFAULT_REORDER_TARGET",
    "LOG_LEVEL",
];

/// Longest time for which a reorder point is remembered: a day.
const POINTS_LIMIT_SECONDS: u64 = 24 * 60 * 60;
/// Dedup window of receipts and counts, unless configured: warehouses hand them in late.
const DEDUP_WINDOW_MS: i64 = 48 * HOUR_MS;

/// What the function can be tuned by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of stock.
    pub stock_table: String,
    /// The DynamoDB table of reorder points.
    pub reorder_points_table: String,
    /// The stream that is applied; what comes from any other is relayed into it.
    pub signals_stream: String,
    /// The Firehose stream of the quarantine.
    pub quarantine_delivery_stream: String,
    /// Dedup windows and limits of the ledger.
    pub ledger: LedgerSettings,
    /// How long a reorder point is remembered.
    pub reorder_points_age: Duration,
    /// The reorder point of products that have none of their own.
    pub default_point: ReorderPoint,
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
        let dedup_window_ms = variables.time_ms("STOCK_DEDUP_WINDOW_SECONDS", DEDUP_WINDOW_MS, 0);
        let ledger = LedgerSettings {
            money_dedup_window_ms: dedup_window_ms,
            activity_dedup_window_ms: dedup_window_ms,
            seen_limit: variables.number("SEEN_LIMIT", LedgerSettings::default().seen_limit, 1..=4_096),
            ..LedgerSettings::default()
        };
        let default = ReorderPoint::default();
        let point = variables.number("DEFAULT_REORDER_POINT", default.point(), 0..=QUANTITY_LIMIT);
        let target = variables.number("DEFAULT_REORDER_TARGET", default.target(), 0..=QUANTITY_LIMIT);
        let default_point = ReorderPoint::new(point, target).unwrap_or_else(|_| {
            let problem = "DEFAULT_REORDER_TARGET must be above DEFAULT_REORDER_POINT";
            variables.problem(format!("{problem}, {target} is not above {point}"));
            default
        });
        let age_seconds = variables.number("REORDER_POINTS_CACHE_SECONDS", 300, 0..=POINTS_LIMIT_SECONDS);
        let config = Self {
            stock_table: variables.required("STOCK_TABLE"),
            reorder_points_table: variables.required("REORDER_POINTS_TABLE"),
            signals_stream: variables.required("SIGNALS_STREAM"),
            quarantine_delivery_stream: variables.required("QUARANTINE_DELIVERY_STREAM"),
            ledger,
            reorder_points_age: Duration::from_secs(age_seconds),
            default_point,
            log_level: variables.log_level(),
        };
        variables.finish(config)
    }

    /// Defaults with names for tests.
    pub fn for_testing() -> Self {
        Self {
            stock_table: "stock".to_owned(),
            reorder_points_table: "reorder-points".to_owned(),
            signals_stream: "signals".to_owned(),
            quarantine_delivery_stream: "quarantine".to_owned(),
            ledger: LedgerSettings {
                money_dedup_window_ms: DEDUP_WINDOW_MS,
                activity_dedup_window_ms: DEDUP_WINDOW_MS,
                ..LedgerSettings::default()
            },
            reorder_points_age: Duration::from_secs(300),
            default_point: ReorderPoint::default(),
            log_level: Level::WARN,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    const REQUIRED: [&str; 4] =
        ["STOCK_TABLE", "REORDER_POINTS_TABLE", "SIGNALS_STREAM", "QUARANTINE_DELIVERY_STREAM"];

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name: &str| {
            let given = pairs.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| REQUIRED.contains(&name).then(|| "t".to_owned()))
        })
    }

    fn problems(pairs: &[(&str, &str)]) -> String {
        read(pairs).map_or_else(|error| error.to_string(), |_| String::new())
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
        let missing = Config::read(|_| None).unwrap_err();
        assert_eq!(missing.problems, REQUIRED.map(|name| format!("{name} is missing")));
        let names = REQUIRED.map(|name| (name, name));
        let config = Config::for_testing();
        let expected = Config {
            stock_table: names[0].1.to_owned(),
            reorder_points_table: names[1].1.to_owned(),
            signals_stream: names[2].1.to_owned(),
            quarantine_delivery_stream: names[3].1.to_owned(),
            log_level: Level::INFO,
            ..config
        };
        assert_eq!(read(&names).unwrap(), expected);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert!(problems(&[("DEFAULT_REORDER_POINT", "50")]).contains("50 is not above 50"));
        assert_eq!(problems(&[("DEFAULT_REORDER_POINT", "49")]), "");
        assert!(
            problems(&[("SEEN_LIMIT", "0")]).contains("SEEN_LIMIT must be a whole number from 1 to 4096")
        );
        assert!(
            problems(&[("REORDER_POINTS_CACHE_SECONDS", "-1")])
                .contains("REORDER_POINTS_CACHE_SECONDS must be a whole number from 0 to 86400")
        );
    }
}
