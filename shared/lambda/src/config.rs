//! Reads settings from named variables and collects every problem before it complains.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use millrace_domain::ledger::LedgerSettings;
use millrace_domain::session::SessionSettings;
use millrace_domain::time::{DAY_MS, SECOND_MS};
use tracing::Level;

/// Longest gap, lateness or dedup window: a week, as long as the stream keeps records by default.
const TIME_LIMIT_SECONDS: i64 = 7 * DAY_MS / SECOND_MS;

/// Every problem with the environment, each naming its variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not usable: {}", problems.join("; "))]
pub struct ConfigError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

/// Named variables, through whatever looks them up.
pub struct Variables<F> {
    look_up: F,
    problems: Vec<String>,
}

/// The process's variable of this name.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Variables<fn(&str) -> Option<String>> {
    /// The variables of the process.
    pub fn of_the_environment() -> Self {
        Self::new(environment)
    }
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Variables that `look_up` finds.
    pub fn new(look_up: F) -> Self {
        Self { look_up, problems: Vec::new() }
    }

    /// A text that must be there.
    pub fn required(&mut self, name: &str) -> String {
        match (self.look_up)(name).filter(|value| !value.is_empty()) {
            Some(value) => value,
            None => {
                self.problem(format!("{name} is missing"));
                String::new()
            }
        }
    }

    /// A number within a range, or its default.
    pub fn number<T>(&mut self, name: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = (self.look_up)(name).filter(|value| !value.is_empty()) else { return default };
        match text.parse() {
            Ok(value) if range.contains(&value) => value,
            _ => {
                let (start, end) = (range.start(), range.end());
                self.problem(format!("{name} must be a whole number from {start} to {end}, is {text:?}"));
                default
            }
        }
    }

    /// One of several values, which `names` lists for who gave another one, or its default.
    pub fn choice<T: FromStr>(&mut self, name: &str, default: T, names: &str) -> T {
        let Some(text) = (self.look_up)(name).filter(|value| !value.is_empty()) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.problem(format!("{name} must be {names}, is {text:?}"));
            default
        })
    }

    /// Dedup windows and limit of the ledger, from `MONEY_DEDUP_WINDOW_SECONDS`, `ACTIVITY_DEDUP_WINDOW_SECONDS` and
    /// `SEEN_LIMIT`.
    pub fn ledger_settings(&mut self) -> LedgerSettings {
        let default = LedgerSettings::default();
        LedgerSettings {
            money_dedup_window_ms: self.time_ms(
                "MONEY_DEDUP_WINDOW_SECONDS",
                default.money_dedup_window_ms,
                0,
            ),
            activity_dedup_window_ms: self.time_ms(
                "ACTIVITY_DEDUP_WINDOW_SECONDS",
                default.activity_dedup_window_ms,
                0,
            ),
            seen_limit: self.number("SEEN_LIMIT", default.seen_limit, 1..=4_096),
            ..default
        }
    }

    /// A time in seconds of at least `least`, as milliseconds.
    pub fn time_ms(&mut self, name: &str, default_ms: i64, least: i64) -> i64 {
        self.number(name, default_ms / SECOND_MS, least..=TIME_LIMIT_SECONDS) * SECOND_MS
    }

    /// How sessions are split, from `SESSION_GAP_SECONDS` and `ALLOWED_LATENESS_SECONDS`. Functions that deal with
    /// windows must agree on it.
    pub fn session_settings(&mut self) -> SessionSettings {
        let default = SessionSettings::default();
        let settings = SessionSettings {
            gap_ms: self.time_ms("SESSION_GAP_SECONDS", default.gap_ms, 0),
            lateness_ms: self.time_ms("ALLOWED_LATENESS_SECONDS", default.lateness_ms, 0),
        };
        if settings.lateness_ms > settings.gap_ms {
            self.problem("ALLOWED_LATENESS_SECONDS must not be above SESSION_GAP_SECONDS".to_owned());
        }
        settings
    }

    /// The level in `LOG_LEVEL`: ERROR, WARN, INFO, DEBUG or TRACE; INFO where there is none.
    pub fn log_level(&mut self) -> Level {
        self.choice("LOG_LEVEL", Level::INFO, "ERROR, WARN, INFO, DEBUG or TRACE")
    }

    /// Notes a problem.
    pub fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When there was any problem; all of them are listed.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        match self.problems.is_empty() {
            true => Ok(config),
            false => Err(ConfigError { problems: self.problems }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_listed_with_their_variables() {
        let mut variables = Variables::new(|name: &str| (name == "LIMIT").then(|| "many".to_owned()));
        assert_eq!(variables.number("COUNT", 5, 1..=9), 5);
        variables.required("TABLE");
        variables.number("LIMIT", 5, 1..=9);
        let text = variables.finish(()).unwrap_err().to_string();
        assert_eq!(
            text,
            "the environment is not usable: TABLE is missing; LIMIT must be a whole number from 1 to 9, is \"many\""
        );
    }

    #[test]
    fn what_is_set_is_taken_and_what_is_empty_counts_as_absent() {
        let look_up = |name: &str| match name {
            "TABLE" => Some("items".to_owned()),
            "LIMIT" => Some("9".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut variables = Variables::new(look_up);
        assert_eq!(variables.required("TABLE"), "items");
        assert_eq!(variables.number("LIMIT", 5, 1..=9), 9);
        assert_eq!((variables.number("EMPTY", 5, 1..=9), variables.number("ABSENT", 6, 1..=9)), (5, 6));
        variables.required("EMPTY");
        assert_eq!(variables.finish(()).unwrap_err().problems, ["EMPTY is missing"]);
        assert_eq!(Variables::new(look_up).finish(7), Ok(7));
    }

    #[test]
    fn sessions_are_split_in_seconds_and_wait_no_longer_than_their_gap() {
        let read = |gap: &'static str, lateness: &'static str| {
            let value = move |name: &str| if name == "SESSION_GAP_SECONDS" { gap } else { lateness };
            let mut variables = Variables::new(move |name: &str| Some(value(name).to_owned()));
            let settings = variables.session_settings();
            variables.finish(settings).map_err(|error| error.problems.len())
        };
        assert_eq!(read("", ""), Ok(SessionSettings::default()));
        assert_eq!(read("60", "60"), Ok(SessionSettings { gap_ms: 60_000, lateness_ms: 60_000 }));
        assert_eq!(read("60", "61"), Err(1));
        let week_ms = 604_800_000;
        assert_eq!(read("604800", "60").map(|settings| settings.gap_ms), Ok(week_ms));
        assert_eq!(read("604801", "60"), Err(1));
    }

    #[test]
    fn a_value_that_is_no_choice_is_a_problem_that_lists_them() {
        let level = |text: &'static str| {
            let mut variables = Variables::new(move |_: &str| Some(text.to_owned()));
            let level = variables.log_level();
            variables.finish(level).map_err(|error| error.problems.concat())
        };
        assert_eq!((level("debug"), level("")), (Ok(Level::DEBUG), Ok(Level::INFO)));
        let problem = "LOG_LEVEL must be ERROR, WARN, INFO, DEBUG or TRACE, is \"loud\"";
        assert_eq!(level("loud"), Err(problem.to_owned()));
    }

    #[test]
    fn a_number_outside_its_range_is_a_problem() {
        let mut variables = Variables::new(|_: &str| Some("10".to_owned()));
        variables.number("LIMIT", 5, 1..=9);
        assert!(variables.finish(()).is_err());
    }
}
