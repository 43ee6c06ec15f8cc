//! Options that several commands share.

use std::time::Duration;

use archive::Config as ArchiveConfig;
use clap::Args;
use event_source_mapping::RECORD_AGE_MAX_MS;
use millrace_domain::lake::RowSettings;
use serde::{Deserialize, Serialize};
use sessions::Config as SessionsConfig;

use crate::Error;

/// When the event source mapping gives records up.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Limits {
    /// Give up records older than this, such as 5s, and write them under on-failure. AWS takes 60s or more; below that
    /// the mapping's clock runs faster, for arrival times too
    #[arg(long, value_name = "DURATION", value_parser = age_limit)]
    pub(crate) age_limit: Option<Duration>,
    /// Give up a batch that failed N times beyond the first, and write it under on-failure; a partial failure counts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) retries: Option<u32>,
}

/// How events are batched and judged.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tuning {
    /// Shards of the stream
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..=200))]
    pub(crate) shards: i32,
    /// Most records of one batch
    #[arg(long, default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(crate) batch_size: usize,
    /// How long the first record of a batch waits for others, such as 500ms or 5s
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) batch_window: Duration,
    /// Batches of one shard of archive that may be in flight at once; functions that emit signals take one
    #[arg(long, default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10))]
    pub(crate) parallelization_factor: usize,
    /// Events at most this far apart belong to one session
    #[arg(long, default_value = "30m", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) gap: Duration,
    /// How long a session waits for events out of order; never above the gap
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) lateness: Duration,
    /// How far back orders, returns and payments still count
    #[arg(long, default_value = "48h", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) money_horizon: Duration,
    /// How far back all other events still count; never below the lateness
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) activity_horizon: Duration,
}

/// The table of session items.
pub(crate) const SESSIONS_TABLE: &str = "sessions";
/// The stream of shop events.
pub(crate) const EVENTS_STREAM: &str = "events";
/// The stream of signals.
pub(crate) const SIGNALS_STREAM: &str = "signals";
/// The table of timers.
pub(crate) const TIMERS_TABLE: &str = "timers";
/// The table of what is known of payments and orders, by user.
pub(crate) const FRAUD_TABLE: &str = "fraud";
/// The table of stock by store and sku.
pub(crate) const STOCK_TABLE: &str = "stock";
/// The table of reorder points by sku.
pub(crate) const REORDER_POINTS_TABLE: &str = "reorder-points";
/// The Firehose stream of the lake.
pub(crate) const LAKE_STREAM: &str = "lake";
/// The Firehose stream of the quarantine.
pub(crate) const QUARANTINE_STREAM: &str = "quarantine";

impl Tuning {
    /// The variables of `sessions` that these options stand for.
    pub(crate) fn sessions_environment(&self) -> Vec<(&'static str, String)> {
        let seconds = |time: Duration| time.as_secs().to_string();
        vec![
            ("SESSIONS_TABLE", SESSIONS_TABLE.to_owned()),
            ("QUARANTINE_STREAM", QUARANTINE_STREAM.to_owned()),
            ("SESSION_GAP_SECONDS", seconds(self.gap)),
            ("ALLOWED_LATENESS_SECONDS", seconds(self.lateness)),
            ("MONEY_HORIZON_SECONDS", seconds(self.money_horizon)),
            ("ACTIVITY_HORIZON_SECONDS", seconds(self.activity_horizon)),
        ]
    }

    /// The variables of `archive`. Old events keep their own day here: a replay brings months at once.
    pub(crate) fn archive_environment() -> Vec<(&'static str, String)> {
        vec![
            ("LAKE_STREAM", LAKE_STREAM.to_owned()),
            ("QUARANTINE_STREAM", QUARANTINE_STREAM.to_owned()),
            ("EVENT_DAY_LIMIT_DAYS", "0".to_owned()),
        ]
    }

    /// The settings of `sessions`, checked as the deployed function checks them.
    pub(crate) fn sessions_config(&self) -> Result<SessionsConfig, Error> {
        let times = [self.gap, self.lateness, self.money_horizon, self.activity_horizon];
        if times.iter().any(|time| time.subsec_nanos() > 0) {
            return Err(Error::Usage(
                "gap, lateness and horizons are whole seconds, such as 90s or 30m".to_owned(),
            ));
        }
        SessionsConfig::read(look_up(self.sessions_environment()))
            .map_err(|error| Error::Usage(error.to_string()))
    }

    /// The settings of `archive`.
    pub(crate) fn archive_config() -> Result<ArchiveConfig, Error> {
        let config = ArchiveConfig::read(look_up(Self::archive_environment()));
        let config = config.map_err(|error| Error::Usage(error.to_string()))?;
        debug_assert_eq!(config.rows, RowSettings { event_day_limit_days: None });
        Ok(config)
    }
}

fn look_up(environment: Vec<(&'static str, String)>) -> impl Fn(&str) -> Option<String> {
    move |name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

/// Shortest age limit: below it, the mapping's clock would run more than 600 times as fast.
const AGE_LIMIT_MIN: Duration = Duration::from_millis(100);
/// Longest age limit that AWS takes.
const AGE_LIMIT_MAX: Duration = Duration::from_millis(RECORD_AGE_MAX_MS);

fn age_limit(text: &str) -> Result<Duration, String> {
    let limit = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match (AGE_LIMIT_MIN..=AGE_LIMIT_MAX).contains(&limit) {
        true => Ok(limit),
        false => Err("it must be from 100ms to 7days".to_owned()),
    }
}

/// Durations as on the command line.
mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_limit_lies_within_what_mapping_and_clock_allow() {
        assert_eq!(age_limit("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(age_limit("7days"), Ok(AGE_LIMIT_MAX));
        for text in ["99ms", "8days", "soon", "5"] {
            assert!(age_limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn settings_come_back_from_their_json() {
        let text = r#"{"shards":4,"batch_size":7,"batch_window":"1s 500ms","parallelization_factor":2,"gap":"30m",
            "lateness":"10m","money_horizon":"2days","activity_horizon":"10m"}"#;
        let tuning: Tuning = serde_json::from_str(text).unwrap();
        assert_eq!(tuning.batch_window, Duration::from_millis(1_500));
        let again: Tuning = serde_json::from_value(serde_json::to_value(&tuning).unwrap()).unwrap();
        assert_eq!((again.money_horizon, again.batch_size), (Duration::from_secs(172_800), 7));
    }
}
