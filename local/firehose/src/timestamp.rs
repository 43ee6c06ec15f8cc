//! Timestamps as the OpenX deserializer reads them, and as file names show them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const MILLISECOND_NS: i128 = 1_000_000;

/// Longest accepted text: `yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'`, with nine fraction digits.
const TEXT_MAX_CHARS: usize = 30;

/// Milliseconds since 1970 of an ISO 8601 timestamp in UTC; finer digits are truncated.
pub(crate) fn parse_ms(text: &str) -> Option<i64> {
    if !text.ends_with('Z') || text.len() > TEXT_MAX_CHARS || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(instant.unix_timestamp_nanos().div_euclid(MILLISECOND_NS)).ok()
}

/// A time for a file name, such as `2026-08-01-12-30-05`.
pub(crate) fn file_name_part(ms: i64) -> String {
    let instant =
        OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (instant.year(), u8::from(instant.month()), instant.day());
    let (hour, minute, second) = instant.to_hms();
    format!("{year:04}-{month:02}-{day:02}-{hour:02}-{minute:02}-{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_iso_8601_in_utc() {
        assert_eq!(parse_ms("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(parse_ms("2026-08-01T12:00:00.123456789Z"), Some(1_785_585_600_123));
        assert_eq!(parse_ms("1969-12-31T23:59:59.9995Z"), Some(-1));
    }

    #[test]
    fn refuses_other_forms() {
        for text in [
            "2026-08-01T12:00:00+02:00",
            "2026-08-01T12:00:00",
            "2026-08-01 12:00:00Z",
            "2026-08-01T12:00:00.1234567890Z",
            "2026-02-30T12:00:00Z",
            "Z",
        ] {
            assert_eq!(parse_ms(text), None, "{text}");
        }
    }

    #[test]
    fn names_a_time() {
        assert_eq!(file_name_part(1_785_585_605_999), "2026-08-01-12-00-05");
    }
}
