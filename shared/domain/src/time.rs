//! Event time as epoch milliseconds.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Milliseconds in a second.
pub const SECOND_MS: i64 = 1_000;
/// Milliseconds in a minute.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Milliseconds in a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The last millisecond of the year 9999, the end of what RFC 3339 can write.
pub const LARGEST_EPOCH_MS: i64 = 253_402_300_799_999;

/// Epoch milliseconds of an RFC 3339 timestamp; finer digits are truncated.
///
/// `None` when the text is no RFC 3339 timestamp or lies before 1970: a shop has no events there, and a phone
/// whose clock lost its battery has many.
pub fn parse_rfc3339_ms(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let ms = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
    (0..=LARGEST_EPOCH_MS).contains(&ms).then_some(ms)
}

/// RFC 3339 text in UTC with three fraction digits, such as `2010-12-01T08:26:00.000Z`.
///
/// Values outside the years 1970 to 9999 are clamped to that range, so that every input has a text.
pub fn format_rfc3339_ms(epoch_ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    moment(epoch_ms).format(&format).unwrap_or_default()
}

/// The UTC day of a moment, such as `2010-12-01`.
pub fn format_day(epoch_ms: i64) -> String {
    moment(epoch_ms).format(&format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

fn moment(epoch_ms: i64) -> OffsetDateTime {
    let nanos = i128::from(epoch_ms.clamp(0, LARGEST_EPOCH_MS)) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Epoch milliseconds that are written as RFC 3339 text, and read from it or from a number of milliseconds: Parquet readers
/// give the one or the other.
pub mod rfc3339_ms {
    use std::fmt;

    use serde::de::{Deserializer, Error, Unexpected, Visitor};
    use serde::ser::Serializer;

    use super::{LARGEST_EPOCH_MS, format_rfc3339_ms, parse_rfc3339_ms};

    struct Moment;

    impl Visitor<'_> for Moment {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an RFC 3339 timestamp or epoch milliseconds, of 1970 to 9999")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
            parse_rfc3339_ms(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }

        fn visit_i64<E: Error>(self, ms: i64) -> Result<i64, E> {
            let is_moment = (0..=LARGEST_EPOCH_MS).contains(&ms);
            if is_moment { Ok(ms) } else { Err(E::invalid_value(Unexpected::Signed(ms), &self)) }
        }

        fn visit_u64<E: Error>(self, ms: u64) -> Result<i64, E> {
            let signed = i64::try_from(ms).map_err(|_| E::invalid_value(Unexpected::Unsigned(ms), &self))?;
            self.visit_i64(signed)
        }
    }

    /// Writes the text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_rfc3339_ms(*ms))
    }

    /// Reads either.
    ///
    /// # Errors
    /// When it is neither, or lies outside of the years 1970 to 9999.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        deserializer.deserialize_any(Moment)
    }
}

/// The same where there may be none.
pub mod rfc3339_ms_option {
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::Serializer;

    #[derive(serde::Deserialize)]
    struct Moment(#[serde(with = "super::rfc3339_ms")] i64);

    /// Writes the text, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
        match ms {
            Some(ms) => super::rfc3339_ms::serialize(ms, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads either, or null.
    ///
    /// # Errors
    /// As for what must be there.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
        Ok(Option::<Moment>::deserialize(deserializer)?.map(|Moment(ms)| ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_fractions_are_read() {
        assert_eq!(parse_rfc3339_ms("2010-12-01T08:26:00Z"), Some(1_291_191_960_000));
        assert_eq!(parse_rfc3339_ms("2010-12-01T09:26:00.1239+01:00"), Some(1_291_191_960_123));
        assert_eq!(parse_rfc3339_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_rfc3339_ms("9999-12-31T23:59:59.999Z"), Some(LARGEST_EPOCH_MS));
    }

    #[test]
    fn what_is_no_moment_of_a_shop_is_refused() {
        for text in [
            "",
            "yesterday",
            "2010-12-01",
            "2010-12-01T08:26:00",
            "1969-12-31T23:59:59.999Z",
            "2010-13-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339_ms(text), None, "{text}");
        }
    }

    #[test]
    fn formatting_is_the_inverse_of_parsing() {
        for ms in [0, 1, 999, 1_291_191_960_120, LARGEST_EPOCH_MS] {
            assert_eq!(parse_rfc3339_ms(&format_rfc3339_ms(ms)), Some(ms));
        }
        assert_eq!(format_rfc3339_ms(1_291_191_960_120), "2010-12-01T08:26:00.120Z");
        assert_eq!(format_day(1_291_191_960_120), "2010-12-01");
    }
}
