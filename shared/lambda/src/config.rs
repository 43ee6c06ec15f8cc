//! Reads settings from named variables and collects every problem before it complains.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use tracing::Level;

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

    /// The level in `LOG_LEVEL`: ERROR, WARN, INFO, DEBUG or TRACE; INFO where there is none.
    pub fn log_level(&mut self) -> Level {
        let Some(text) = (self.look_up)("LOG_LEVEL").filter(|value| !value.is_empty()) else {
            return Level::INFO;
        };
        text.parse().unwrap_or_else(|_| {
            self.problem(format!("LOG_LEVEL must be ERROR, WARN, INFO, DEBUG or TRACE, is {text:?}"));
            Level::INFO
        })
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
        let mut variables = Variables::new(|name: &str| (name == "CAP").then(|| "many".to_owned()));
        assert_eq!(variables.number("LIMIT", 5, 1..=9), 5);
        variables.required("TABLE");
        variables.number("CAP", 5, 1..=9);
        let text = variables.finish(()).unwrap_err().to_string();
        assert_eq!(
            text,
            "the environment is not usable: TABLE is missing; CAP must be a whole number from 1 to 9, is \"many\""
        );
    }

    #[test]
    fn what_is_set_is_taken_and_what_is_empty_counts_as_absent() {
        let look_up = |name: &str| match name {
            "TABLE" => Some("items".to_owned()),
            "CAP" => Some("9".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut variables = Variables::new(look_up);
        assert_eq!(variables.required("TABLE"), "items");
        assert_eq!(variables.number("CAP", 5, 1..=9), 9);
        assert_eq!((variables.number("EMPTY", 5, 1..=9), variables.number("ABSENT", 6, 1..=9)), (5, 6));
        variables.required("EMPTY");
        assert_eq!(variables.finish(()).unwrap_err().problems, ["EMPTY is missing"]);
        assert_eq!(Variables::new(look_up).finish(7), Ok(7));
    }

    #[test]
    fn the_log_level_is_info_unless_it_says_otherwise() {
        let level = |text: Option<&str>| {
            let mut variables = Variables::new(|_: &str| text.map(str::to_owned));
            (variables.log_level(), variables.finish(()).is_ok())
        };
        assert_eq!([level(None), level(Some("")), level(Some("INFO"))], [(Level::INFO, true); 3]);
        assert_eq!(level(Some("DEBUG")), (Level::DEBUG, true));
        assert_eq!(level(Some("loud")), (Level::INFO, false));
    }

    #[test]
    fn a_number_outside_its_range_is_a_problem() {
        let mut variables = Variables::new(|_: &str| Some("10".to_owned()));
        variables.number("CAP", 5, 1..=9);
        assert!(variables.finish(()).is_err());
    }
}
