//! Integers of 128 bits as decimal text: `serde_dynamo` has none of them, a DynamoDB number ends at 38 digits, and what
//! reads JSON into floating point would round them.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};

/// Writes the digits.
pub(super) fn serialize<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Reads the digits.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
    struct Digits;
    impl Visitor<'_> for Digits {
        type Value = i128;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the digits of a whole number of 128 bits")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<i128, E> {
            text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_str(Digits)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder(#[serde(with = "super")] i128);

    #[test]
    fn every_integer_keeps_all_its_digits() {
        for number in [0, 1, i128::from(i64::MAX) + 1, i128::MAX, i128::MIN] {
            let text = serde_json::to_string(&Holder(number)).unwrap();
            assert_eq!(text, format!("\"{number}\""));
            assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), Holder(number));
        }
    }

    #[test]
    fn what_is_no_such_integer_is_refused() {
        for text in ["\"\"", "\"1.0\"", "\"x\"", "\"170141183460469231731687303715884105728\"", "7"] {
            let error = serde_json::from_str::<Holder>(text).unwrap_err().to_string();
            assert!(error.contains("the digits of a whole number of 128 bits"), "{text}: {error}");
        }
    }
}
