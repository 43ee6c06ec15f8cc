//! Cells of a Parquet file, as the programs that write such files put them.

use parquet::record::Field;

/// What a cell of a column is, or why it is none.
pub(super) fn cell<T>(
    (column, field): (String, Field),
    what: &str,
    read: impl Fn(&Field) -> Option<T>,
) -> Result<T, String> {
    read(&field).ok_or_else(|| format!("{column} is {field}, which is not {what}"))
}

/// Whether nothing is there. Some programs write floats that are no number for it.
pub(super) fn is_missing(field: &Field) -> bool {
    match field {
        Field::Null => true,
        Field::Double(number) => number.is_nan(),
        Field::Float(number) => number.is_nan(),
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

pub(super) fn whole(field: &Field) -> Option<i64> {
    match field {
        Field::Byte(number) => Some((*number).into()),
        Field::Short(number) => Some((*number).into()),
        Field::Int(number) => Some((*number).into()),
        Field::Long(number) => Some(*number),
        Field::UByte(number) => Some((*number).into()),
        Field::UShort(number) => Some((*number).into()),
        Field::UInt(number) => Some((*number).into()),
        // Whole numbers are written as these where cells are missing.
        Field::Float(number) => number.to_string().parse().ok(),
        Field::Double(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

pub(super) fn decimal(field: &Field) -> Option<f64> {
    match field {
        Field::Float(number) => Some((*number).into()),
        Field::Double(number) => Some(*number),
        other => whole(other)?.to_string().parse().ok(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_other_programs_write_them() {
        let text_of = |field| cell(("StockCode".to_owned(), field), "a text", text);
        assert_eq!(text_of(Field::Str("85123A".to_owned())), Ok("85123A".to_owned()));
        assert_eq!(text_of(Field::Long(536_365)), Ok("536365".to_owned()));
        assert_eq!(text_of(Field::Null), Err("StockCode is null, which is not a text".to_owned()));
        let wholes = [Field::Int(6), Field::Long(6), Field::Double(6.0), Field::Double(6.5), Field::Null];
        assert_eq!(wholes.map(|field| whole(&field)), [Some(6), Some(6), Some(6), None, None]);
        let decimals = [Field::Double(2.5), Field::Float(2.5), Field::Long(2), Field::Str("2.5".to_owned())];
        assert_eq!(decimals.map(|field| decimal(&field)), [Some(2.5), Some(2.5), Some(2.0), None]);
        assert!(
            [Field::Null, Field::Double(f64::NAN)].iter().all(is_missing) && !is_missing(&Field::Double(0.0))
        );
        let times = [Field::TimestampMillis(-2), Field::TimestampMicros(-1_001), Field::Long(-1_000_001)];
        assert_eq!(times.clone().map(|field| time_ms(&field, true)), [Some(-2); 3]);
        assert_eq!(times.map(|field| time_ms(&field, false)), [Some(-2), Some(-2), None]);
    }
}
