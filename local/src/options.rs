//! Options that several commands share.

use std::time::Duration;

use axum::http::Uri;
use clap::{Args, Parser};
use event_source_mapping::RECORD_AGE_MAX_MS;
use millrace_domain::fraud::{AmountSettings, VelocitySettings};
use millrace_domain::stock::ReorderPoint;
use millrace_lambda::config::ConfigError;
use serde::{Deserialize, Serialize};

use crate::Error;

/// When the event source mapping discards records.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Limits {
    /// Discard records older than this, such as 5s, and write them under on-failure. AWS takes 60s or more; below that
    /// the mapping's clock runs faster, for arrival times too
    #[arg(long, value_name = "DURATION", value_parser = maximum_record_age)]
    pub(crate) maximum_record_age: Option<Duration>,
    /// Discard a batch that failed N times beyond the first, and write it under on-failure; a partial batch response
    /// counts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) maximum_retry_attempts: Option<u32>,
}

/// How events are batched and judged.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tuning {
    /// Shards of the stream
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..=200))]
    pub(crate) shards: i32,
    /// Most records of one batch of events
    #[arg(long, default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(crate) batch_size: usize,
    /// How long the first record of a batch waits for others, such as 500ms or 5s
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) batching_window: Duration,
    /// Batches of one shard of archive that may be in flight at once; functions that emit signals take one
    #[arg(long, default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10))]
    pub(crate) parallelization_factor: usize,
    /// Events at most this far apart belong to one session
    #[arg(long, default_value = "30m", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) session_gap: Duration,
    /// How long a session waits for events out of order; never above the gap
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) allowed_lateness: Duration,
    /// How far back in event time orders, returns and payments still count
    #[arg(long, default_value = "48h", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) money_dedup_window: Duration,
    /// How far back in event time all other events still count; never below the allowed lateness
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    #[serde(with = "text")]
    pub(crate) activity_dedup_window: Duration,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) rules: Rules,
}

/// The rules of fraud and of stock. Thresholds are the domain's unless given.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// Failed payments in a row of time: off, live, or shadow (told apart from what is live)
    #[arg(long, default_value = "live", value_name = "MODE", value_parser = MODES)]
    pub(crate) velocity_mode: String,
    /// More failed payments than this are suspected
    #[arg(long, default_value_t = VelocitySettings::default().limit, value_name = "N")]
    pub(crate) velocity_limit: usize,
    /// Within this time
    #[arg(long, default_value = usual_window(), value_parser = humantime::parse_duration, value_name = "DURATION")]
    #[serde(with = "text")]
    pub(crate) velocity_window: Duration,
    /// Orders far above a user's others: off, live, or shadow
    #[arg(long, default_value = "live", value_name = "MODE", value_parser = MODES)]
    pub(crate) amount_mode: String,
    /// An order further above the mean than this many standard deviations is suspected
    #[arg(long, default_value_t = AmountSettings::default().deviations, value_name = "N")]
    pub(crate) amount_deviations: u32,
    /// Once there are this many orders to compare with
    #[arg(long, default_value_t = AmountSettings::default().minimum_orders, value_name = "N")]
    pub(crate) amount_minimum_orders: u64,
    /// Stock is ordered again when it falls to this, for products that --reorder-points does not name
    #[arg(long, default_value_t = ReorderPoint::default().point(), value_name = "N")]
    pub(crate) default_reorder_point: i64,
    /// And up to this
    #[arg(long, default_value_t = ReorderPoint::default().target(), value_name = "N")]
    pub(crate) default_reorder_target: i64,
}

/// The window of the rule velocity, as text.
fn usual_window() -> String {
    let window_ms = VelocitySettings::default().window_ms.unsigned_abs();
    humantime::format_duration(Duration::from_millis(window_ms)).to_string()
}

/// How a rule of fraud may run.
const MODES: [&str; 3] = ["off", "live", "shadow"];

impl Tuning {
    /// What the command line says without options.
    pub(crate) fn usual() -> Self {
        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            tuning: Tuning,
        }
        Only::parse_from(["millrace"]).tuning
    }
}

/// The settings of every function.
pub(crate) struct FunctionSettings {
    pub(crate) sessions: sessions::Config,
    pub(crate) archive: archive::Config,
    pub(crate) fraud: fraud::Config,
    pub(crate) inventory: inventory::Config,
    pub(crate) close: close::Config,
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
/// The tables that a run leaves behind.
pub(crate) const TABLES: [&str; 5] =
    [SESSIONS_TABLE, FRAUD_TABLE, STOCK_TABLE, TIMERS_TABLE, REORDER_POINTS_TABLE];
/// The Firehose stream of the lake.
pub(crate) const LAKE_DELIVERY_STREAM: &str = "lake";
/// The Firehose stream of the quarantine.
pub(crate) const QUARANTINE_DELIVERY_STREAM: &str = "quarantine";

impl Tuning {
    /// The settings of every function, each checked as the deployed function checks them.
    pub(crate) fn functions(&self) -> Result<FunctionSettings, Error> {
        let times = [
            self.session_gap,
            self.allowed_lateness,
            self.money_dedup_window,
            self.activity_dedup_window,
            self.rules.velocity_window,
        ];
        if times.iter().any(|time| time.subsec_nanos() > 0) {
            let why = "session gap, allowed lateness and windows are whole seconds, such as 90s or 30m";
            return Err(Error::Usage(why.to_owned()));
        }
        let wrong = |error: ConfigError| Error::Usage(error.to_string());
        Ok(FunctionSettings {
            sessions: sessions::Config::read(look_up(self.sessions_environment())).map_err(wrong)?,
            archive: archive::Config::read(look_up(Self::archive_environment())).map_err(wrong)?,
            fraud: fraud::Config::read(look_up(self.fraud_environment())).map_err(wrong)?,
            inventory: inventory::Config::read(look_up(self.inventory_environment())).map_err(wrong)?,
            close: close::Config::read(look_up(self.close_environment())).map_err(wrong)?,
        })
    }

    /// The variables of every function. They share names where they share settings, so one file serves all; but the
    /// dedup window of `inventory` has a name of its own.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = self.sessions_environment();
        let others = [Self::archive_environment(), self.fraud_environment(), self.close_environment()];
        for (name, value) in others.into_iter().flatten().chain(self.inventory_environment()) {
            if !all.iter().any(|(known, _)| *known == name) {
                all.push((name, value));
            }
        }
        all
    }

    fn fraud_environment(&self) -> Vec<(&'static str, String)> {
        let rules = &self.rules;
        vec![
            ("FRAUD_TABLE", FRAUD_TABLE.to_owned()),
            ("SIGNALS_STREAM", SIGNALS_STREAM.to_owned()),
            ("QUARANTINE_DELIVERY_STREAM", QUARANTINE_DELIVERY_STREAM.to_owned()),
            ("MONEY_DEDUP_WINDOW_SECONDS", self.money_dedup_window.as_secs().to_string()),
            ("ACTIVITY_DEDUP_WINDOW_SECONDS", self.activity_dedup_window.as_secs().to_string()),
            ("VELOCITY_MODE", rules.velocity_mode.clone()),
            ("VELOCITY_LIMIT", rules.velocity_limit.to_string()),
            ("VELOCITY_WINDOW_SECONDS", rules.velocity_window.as_secs().to_string()),
            ("AMOUNT_MODE", rules.amount_mode.clone()),
            ("AMOUNT_DEVIATIONS", rules.amount_deviations.to_string()),
            ("AMOUNT_MINIMUM_ORDERS", rules.amount_minimum_orders.to_string()),
        ]
    }

    fn inventory_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("STOCK_TABLE", STOCK_TABLE.to_owned()),
            ("REORDER_POINTS_TABLE", REORDER_POINTS_TABLE.to_owned()),
            ("SIGNALS_STREAM", SIGNALS_STREAM.to_owned()),
            ("QUARANTINE_DELIVERY_STREAM", QUARANTINE_DELIVERY_STREAM.to_owned()),
            ("DEFAULT_REORDER_POINT", self.rules.default_reorder_point.to_string()),
            ("DEFAULT_REORDER_TARGET", self.rules.default_reorder_target.to_string()),
        ]
    }

    fn close_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TIMERS_TABLE", TIMERS_TABLE.to_owned()),
            ("EVENTS_STREAM", EVENTS_STREAM.to_owned()),
            ("SESSIONS_TABLE", SESSIONS_TABLE.to_owned()),
            ("SESSION_GAP_SECONDS", self.session_gap.as_secs().to_string()),
            ("ALLOWED_LATENESS_SECONDS", self.allowed_lateness.as_secs().to_string()),
        ]
    }

    /// The variables of `sessions` that these options stand for.
    fn sessions_environment(&self) -> Vec<(&'static str, String)> {
        let seconds = |time: Duration| time.as_secs().to_string();
        vec![
            ("SESSIONS_TABLE", SESSIONS_TABLE.to_owned()),
            ("TIMERS_TABLE", TIMERS_TABLE.to_owned()),
            ("SIGNALS_STREAM", SIGNALS_STREAM.to_owned()),
            ("QUARANTINE_DELIVERY_STREAM", QUARANTINE_DELIVERY_STREAM.to_owned()),
            ("SESSION_GAP_SECONDS", seconds(self.session_gap)),
            ("ALLOWED_LATENESS_SECONDS", seconds(self.allowed_lateness)),
            ("MONEY_DEDUP_WINDOW_SECONDS", seconds(self.money_dedup_window)),
            ("ACTIVITY_DEDUP_WINDOW_SECONDS", seconds(self.activity_dedup_window)),
        ]
    }

    /// The variables of `archive`. Old events keep their own day here: a replay brings months at once.
    fn archive_environment() -> Vec<(&'static str, String)> {
        vec![
            ("LAKE_DELIVERY_STREAM", LAKE_DELIVERY_STREAM.to_owned()),
            ("SIGNALS_STREAM", SIGNALS_STREAM.to_owned()),
            ("QUARANTINE_DELIVERY_STREAM", QUARANTINE_DELIVERY_STREAM.to_owned()),
            ("LAKE_MAXIMUM_ROW_AGE_DAYS", "0".to_owned()),
        ]
    }
}

fn look_up(environment: Vec<(&'static str, String)>) -> impl Fn(&str) -> Option<String> {
    move |name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

/// A URL at which functions can be invoked: the client speaks plain HTTP, and adds the path of Lambda's API.
pub(crate) fn functions_url(text: &str) -> Result<String, String> {
    let example = "it must be such as http://127.0.0.1:9000";
    let url: Uri = text.parse().map_err(|error| format!("{error}; {example}"))?;
    let (scheme, authority) = (url.scheme_str(), url.authority());
    let Some(authority) =
        authority.filter(|authority| scheme == Some("http") && !authority.host().is_empty())
    else {
        return Err(example.to_owned());
    };
    let port =
        authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err(format!("its port is none; {example}"));
    }
    match authority.as_str().contains('@') || url.query().is_some() {
        true => Err(format!("it must hold neither a user nor a query; {example}")),
        false => Ok(text.trim_end_matches('/').to_owned()),
    }
}

/// Shortest maximum record age: below it, the mapping's clock would run more than 600 times as fast.
const RECORD_AGE_MIN: Duration = Duration::from_millis(100);
/// Longest maximum record age that AWS takes.
const RECORD_AGE_MAX: Duration = Duration::from_millis(RECORD_AGE_MAX_MS);

fn maximum_record_age(text: &str) -> Result<Duration, String> {
    let limit = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match (RECORD_AGE_MIN..=RECORD_AGE_MAX).contains(&limit) {
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
    fn a_maximum_record_age_lies_within_what_mapping_and_clock_allow() {
        assert_eq!(maximum_record_age("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(maximum_record_age("7days"), Ok(RECORD_AGE_MAX));
        for text in ["99ms", "8days", "soon", "5"] {
            assert!(maximum_record_age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_url_that_no_client_could_call_is_refused() {
        for url in ["http://127.0.0.1:9000", "http://[::1]:9000/", "http://localhost", "http://host:80/stage"]
        {
            assert_eq!(functions_url(url).as_deref(), Ok(url.trim_end_matches('/')));
        }
        for url in [
            "",
            "localhost:9000",
            "127.0.0.1:9000",
            "https://localhost:9000",
            "ftp://localhost",
            "http://",
            "http://:9000",
            "http://host:0",
            "http://host:99999",
            "http://host:port",
            "http://[::1",
            "http://a b",
            "http://user@host",
            "http://host?x=1",
            "/tmp/socket",
        ] {
            assert!(functions_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn settings_come_back_from_their_json() {
        let text = r#"{"shards":4,"batch_size":7,"batching_window":"1s 500ms","parallelization_factor":2,"session_gap":"30m",
            "allowed_lateness":"10m","money_dedup_window":"2days","activity_dedup_window":"10m","velocity_mode":"live","velocity_limit":5,
            "velocity_window":"10m","amount_mode":"shadow","amount_deviations":3,"amount_minimum_orders":10,"default_reorder_point":10,
            "default_reorder_target":50}"#;
        let tuning: Tuning = serde_json::from_str(text).unwrap();
        assert_eq!(tuning.batching_window, Duration::from_millis(1_500));
        let again: Tuning = serde_json::from_value(serde_json::to_value(&tuning).unwrap()).unwrap();
        assert_eq!((again.money_dedup_window, again.batch_size), (Duration::from_secs(172_800), 7));
    }
}
