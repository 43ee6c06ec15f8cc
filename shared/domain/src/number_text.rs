//! Numbers as they are written, exactly: no number passes through floating point on its way to an integer.
//!
//! `1250`, `1250.0` and `1.25e3` are one number. Many programs write whole numbers in the second or third way, and JSON
//! Schema calls all three integers.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use crate::decode::truncate;

/// Most significant digits, all of which fit 128 bits.
const DIGITS_LIMIT: usize = 38;
/// Longest text that a refusal quotes, in bytes.
const QUOTED_LIMIT_BYTES: usize = 60;

/// A number: `significand` times ten to the power of `exponent`. The significand does not end in a zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberText {
    significand: i128,
    exponent: i64,
}

/// Why a text is no integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWhole {
    /// It is no number, or one with a fraction.
    NoWholeNumber,
    /// It is whole, and larger than the integer.
    OutOfRange,
}

impl NumberText {
    /// Reads `-12.50e3`; `None` when the text is no such number, or has more than 38 significant digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = text.split_once(['e', 'E']).map_or((text, Some(0)), |(m, p)| (m, power(p)));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if !is_digits(whole) || !(is_digits(fraction) || whole == mantissa) {
            return None;
        }
        let digits = || whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0');
        let (count, zeros) = digits().fold((0_usize, 0_usize), |(count, zeros), digit| match digit {
            b'0' => (count + 1, zeros + 1),
            _ => (count + 1, 0),
        });
        let significant = count - zeros;
        if significant > DIGITS_LIMIT {
            return None;
        }
        let value =
            digits().take(significant).fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
        let moved = i64::try_from(zeros).ok()? - i64::try_from(fraction.len()).ok()?;
        let exponent = if value == 0 { 0 } else { power?.saturating_add(moved) };
        power.map(|_| Self { significand: if negative { -value } else { value }, exponent })
    }

    /// The integer that it is.
    ///
    /// # Errors
    /// When it has a fraction, or does not fit.
    pub fn whole(self) -> Result<i128, NotWhole> {
        match self.exponent {
            0.. => self.shifted(self.exponent).ok_or(NotWhole::OutOfRange),
            _ => Err(NotWhole::NoWholeNumber),
        }
    }

    /// The number of its `10^-places`, such as pence of pounds for 2 places; half of one is rounded up. `None` when it
    /// does not fit.
    pub fn in_units_of(self, places: u32) -> Option<i128> {
        let exponent = self.exponent.saturating_add(i64::from(places));
        if exponent >= 0 {
            return self.shifted(exponent);
        }
        let divisor =
            u32::try_from(exponent.unsigned_abs()).ok().and_then(|power| 10_i128.checked_pow(power));
        // A divisor that does not fit is more than twice as large as any significand.
        divisor.map_or(Some(0), |divisor| {
            let (quotient, rest) =
                (self.significand.div_euclid(divisor), self.significand.rem_euclid(divisor));
            Some(quotient + i128::from(rest >= divisor - rest))
        })
    }

    fn shifted(self, exponent: i64) -> Option<i128> {
        let power = u32::try_from(exponent).ok()?;
        self.significand.checked_mul(10_i128.checked_pow(power)?)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An exponent: digits behind an optional sign. One beyond 64 bits stays beyond what any integer holds.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_digits(digits) {
        return None;
    }
    // Half of the range leaves room for the places of the mantissa.
    let size = digits.parse().unwrap_or(i64::MAX).min(i64::MAX / 2);
    Some(if text.starts_with('-') { -size } else { size })
}

/// The integer that a text writes.
///
/// # Errors
/// When it writes none, or one that does not fit.
pub fn whole<T: TryFrom<i128>>(text: &str) -> Result<T, NotWhole> {
    // As nearly every number is written.
    if let Ok(small) = text.parse::<i64>() {
        return T::try_from(small.into()).map_err(|_| NotWhole::OutOfRange);
    }
    // More digits than the limit may still be a whole number, and then a large one.
    let whole = match NumberText::parse(text) {
        Some(number) => number.whole()?,
        None if is_digits(text.strip_prefix('-').unwrap_or(text)) => return Err(NotWhole::OutOfRange),
        None => return Err(NotWhole::NoWholeNumber),
    };
    T::try_from(whole).map_err(|_| NotWhole::OutOfRange)
}

/// Reads a whole number of JSON however it is written, for `deserialize_with`. Only `serde_json` can be read so.
///
/// # Errors
/// When the value is no whole number, or does not fit.
pub(crate) fn whole_number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i128>,
{
    let text = <&RawValue>::deserialize(deserializer)?.get();
    whole(text).map_err(|error| {
        let quoted = truncate(text, QUOTED_LIMIT_BYTES);
        D::Error::custom(match error {
            NotWhole::NoWholeNumber => format!("must be a whole number, is {quoted}"),
            NotWhole::OutOfRange => format!("must be a whole number in range, is {quoted}"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_taken_however_it_is_written() {
        let same = ["1250", "1250.0", "1250.000", "1.25e3", "1.25E+3", "12500e-1", "0.00125e6", "125e1"];
        for text in same {
            assert_eq!(whole::<i64>(text), Ok(1_250), "{text}");
        }
        for text in ["0", "-0", "0.0", "-0.0e5", "0e99999999999999999999", "0e-99999999999999999999"] {
            assert_eq!(whole::<i64>(text), Ok(0), "{text}");
        }
        // Floating point has neither of the two.
        assert_eq!(whole("9223372036854775807"), Ok(i64::MAX));
        assert_eq!(whole("9007199254740993.0"), Ok(9_007_199_254_740_993_i64));
        assert_eq!(whole("-9.223372036854775808e18"), Ok(i64::MIN));
        assert_eq!(whole::<i64>(&format!("5{}e-1000000", "0".repeat(1_000_000))), Ok(5));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let fractions = ["1250.5", "1e-1", "0.0000000000000000000000000000001", "1e-99999999999999999999"];
        for text in fractions.into_iter().chain(["", "-", ".5", "5.", "1e", "1e+", "0x1", "NaN", "inf", "1 "])
        {
            assert_eq!(whole::<i64>(text), Err(NotWhole::NoWholeNumber), "{text}");
        }
        let just_beside = format!("1.{}1", "0".repeat(60));
        assert_eq!(whole::<i64>(&just_beside), Err(NotWhole::NoWholeNumber));
    }

    #[test]
    fn what_does_not_fit_is_refused_without_work() {
        let nines = "9".repeat(400);
        for text in ["9223372036854775808", "1e19", "1e999", "1e99999999999999999999", &nines] {
            assert_eq!(whole::<i64>(text), Err(NotWhole::OutOfRange), "{text}");
        }
        assert_eq!(whole::<u32>("-1"), Err(NotWhole::OutOfRange));
    }

    #[test]
    fn half_a_unit_is_rounded_up() {
        let cases = [
            ("2.55", Some(255)),
            ("0.001", Some(0)),
            ("1.005", Some(101)),
            ("0.0049", Some(0)),
            ("0.00499999999", Some(0)),
            ("0.005", Some(1)),
            ("-0.005", Some(0)),
            ("-0.006", Some(-1)),
            ("38970.0", Some(3_897_000)),
            ("1e-300", Some(0)),
            ("-1e-300", Some(0)),
            ("1e36", Some(100_000_000_000_000_000_000_000_000_000_000_000_000)),
            ("1e37", None),
            ("1e300", None),
        ];
        for (text, expected) in cases {
            assert_eq!(NumberText::parse(text).unwrap().in_units_of(2), expected, "{text}");
        }
    }

    #[test]
    fn json_gives_a_number_or_the_rule() {
        #[derive(Debug, Deserialize)]
        struct One {
            #[serde(deserialize_with = "whole_number")]
            count: i64,
        }
        let read = |value: &str| {
            let one = serde_json::from_str::<One>(&format!(r#"{{"count":{value}}}"#));
            one.map(|one| one.count).map_err(|error| crate::decode::error_rule(&error))
        };
        assert_eq!(read(" 1.25e3 "), Ok(1_250));
        assert_eq!(read("1250.5"), Err("must be a whole number, is 1250.5".to_owned()));
        assert_eq!(read("\"5\""), Err("must be a whole number, is \"5\"".to_owned()));
        assert_eq!(read("null"), Err("must be a whole number, is null".to_owned()));
        assert_eq!(read("1e999"), Err("must be a whole number in range, is 1e999".to_owned()));
    }
}
