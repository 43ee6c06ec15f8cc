//! Cells of a Parquet file, as the programs that write such files put them. Numbers are read as they are written, and never
//! by way of floating point.

use millrace_domain::number_text::{self, NumberText};
use millrace_domain::time::{LARGEST_EPOCH_MS, format_rfc3339_ms};
use parquet::record::Field;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Most characters of a cell that a refusal quotes.
const QUOTED_LIMIT_CHARS: usize = 60;

/// What a cell of a column is, or why it is none.
pub(super) fn cell<T>(
    (column, field): (String, Field),
    what: &str,
    read: impl Fn(&Field) -> Option<T>,
) -> Result<T, String> {
    read(&field).ok_or_else(|| format!("{column} is {}, which is not {what}", shown(&field)))
}

/// Moments are shown as they are stored: the library's text of one that no calendar has is a panic.
fn shown(field: &Field) -> String {
    let text = match field {
        Field::Date(days) => format!("the day {days} since 1970"),
        Field::TimeMillis(ms) => format!("{ms} ms of a day"),
        Field::TimeMicros(us) => format!("{us} us of a day"),
        Field::TimestampMillis(ms) => format!("{ms} ms since 1970"),
        Field::TimestampMicros(us) => format!("{us} us since 1970"),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => {
            "made of several values".to_owned()
        }
        other => other.to_string(),
    };
    text.chars().take(QUOTED_LIMIT_CHARS).collect()
}

/// Whether nothing is there. Some programs write floats that are no number for it.
pub(super) fn is_missing(field: &Field) -> bool {
    match field {
        Field::Null => true,
        Field::Double(number) => number.is_nan(),
        Field::Float(number) => number.is_nan(),
        Field::Float16(number) => number.is_nan(),
        // As CSV and spreadsheets leave a cell empty.
        Field::Str(text) => text.trim().is_empty(),
        _ => false,
    }
}

pub(super) fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        // A column of which every cell is a number may be written as one.
        other => whole(other).map(|number| number.to_string()),
    }
}

/// A whole number. It is written as another type where cells are missing, or where a program has but one type.
pub(super) fn whole(field: &Field) -> Option<i128> {
    number_text::whole(&number(field)?).ok()
}

/// Pounds as whole pence, half a penny rounded up. `None` for what is no number, and for more than any amount is.
pub(super) fn pence(field: &Field) -> Option<i128> {
    NumberText::parse(&number(field)?)?.in_units_of(2)
}

/// The decimal text of a number. That of a float is the shortest one that is read as the same float.
fn number(field: &Field) -> Option<String> {
    Some(match field {
        Field::Byte(number) => number.to_string(),
        Field::Short(number) => number.to_string(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) => number.to_string(),
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        Field::Float16(number) => number.to_f32().to_string(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        // Where the scale is the precision or less; the library panics on others, and no program writes them.
        Field::Decimal(decimal) if (0..=decimal.precision()).contains(&decimal.scale()) => {
            let text = field.to_string();
            text.strip_suffix('.').map_or(text.clone(), str::to_owned)
        }
        Field::Str(text) => text.trim().to_owned(),
        _ => return None,
    })
}

/// Epoch milliseconds.
pub(super) fn time_ms(field: &Field, in_nanoseconds: bool) -> Option<i64> {
    match field {
        Field::TimestampMillis(ms) => Some(*ms),
        Field::TimestampMicros(us) => Some(us.div_euclid(1_000)),
        Field::Long(ns) if in_nanoseconds => Some(ns.div_euclid(1_000_000)),
        _ => None,
    }
}

/// The moment as text. One that no event may have stays what it is, and is set aside with its event.
pub(super) fn time_text(epoch_ms: i64) -> String {
    if (0..=LARGEST_EPOCH_MS).contains(&epoch_ms) {
        return format_rfc3339_ms(epoch_ms);
    }
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(epoch_ms) * 1_000_000).ok();
    let text = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("{epoch_ms} ms since 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_other_programs_write_them() {
        let text_of = |field| cell(("StockCode".to_owned(), field), "a text", text);
        assert_eq!(text_of(Field::Str("85123A".to_owned())), Ok("85123A".to_owned()));
        assert_eq!(text_of(Field::Long(536_365)), Ok("536365".to_owned()));
        assert_eq!(text_of(Field::Null), Err("StockCode is null, which is not a text".to_owned()));
        let wholes = [
            Field::Int(6),
            Field::ULong(6),
            Field::Double(6.0),
            Field::Float(6.0),
            text_cell("6"),
            text_cell("6.0"),
        ];
        assert!(wholes.iter().all(|field| whole(field) == Some(6)));
        assert_eq!(whole(&Field::ULong(u64::MAX)), Some(u64::MAX.into()));
        let none = [
            Field::Double(6.5),
            Field::Double(f64::NAN),
            Field::Double(1e300),
            Field::Null,
            text_cell("six"),
        ];
        assert!(none.iter().all(|field| whole(field).is_none()));
        let missing = [Field::Null, Field::Double(f64::NAN), Field::Float(f32::NAN), text_cell(" ")];
        assert!(missing.iter().all(is_missing) && !is_missing(&Field::Double(0.0)));
        let times = [Field::TimestampMillis(-2), Field::TimestampMicros(-1_001), Field::Long(-1_000_001)];
        assert_eq!(times.clone().map(|field| time_ms(&field, true)), [Some(-2); 3]);
        assert_eq!(times.map(|field| time_ms(&field, false)), [Some(-2), Some(-2), None]);
    }

    fn text_cell(text: &str) -> Field {
        Field::Str(text.to_owned())
    }

    #[test]
    fn a_price_is_read_exactly_or_not_at_all() {
        let cases = [
            (Field::Double(2.55), 255),
            (Field::Float(2.55), 255),
            (Field::Double(1.005), 101),
            (Field::Double(0.001), 0),
            (Field::Double(38_970.0), 3_897_000),
            (Field::Double(-0.005), 0),
            (Field::Long(2), 200),
            (text_cell("2.55"), 255),
            (text_cell("2.55e0"), 255),
        ];
        for (field, expected) in cases {
            assert_eq!(pence(&field), Some(expected), "{field}");
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!(pence(&Field::Double(number)), None, "{number}");
        }
        for text in ["", "2,55", "£2.55", "NaN", "inf", "0x1"] {
            assert_eq!(pence(&text_cell(text)), None, "{text}");
        }
        let why = cell(("UnitPrice".to_owned(), Field::Double(f64::NAN)), "an amount of money", pence);
        assert_eq!(why, Err("UnitPrice is NaN, which is not an amount of money".to_owned()));
    }

    #[test]
    fn a_moment_is_never_moved() {
        assert_eq!(time_text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time_text(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(time_text(LARGEST_EPOCH_MS + 1), "253402300800000 ms since 1970");
        assert_eq!(time_text(i64::MIN), "-9223372036854775808 ms since 1970");
    }

    #[test]
    fn a_cell_that_no_calendar_has_is_shown_all_the_same() {
        for field in [Field::Date(i32::MAX), Field::TimestampMillis(i64::MAX), Field::TimeMillis(-1)] {
            assert!(cell(("InvoiceNo".to_owned(), field), "a text", text).is_err());
        }
        let long = cell(("Quantity".to_owned(), text_cell(&"n".repeat(1_000))), "a whole number", whole);
        assert!(long.unwrap_err().len() < 200);
    }
}
