//! One JSON document as the cells of its columns.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::error_output::{ErrorCode, RowError};
use crate::field::FieldIndex;
use crate::glue::{GlueField, GlueType};
use crate::timestamp;

/// A value that fits its column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Int(i32),
    BigInt(i64),
    Double(f64),
    Boolean(bool),
    Timestamp(i64),
    List(Vec<Cell<'a>>),
    Struct(Vec<Cell<'a>>),
}

/// Reads a document. A row is read as a whole before any of it reaches a column, so that a bad value cannot
/// leave half a row behind. Of a key given twice the last value counts.
pub(crate) fn parse<'a>(document: &'a [u8], table: &GlueType) -> Result<Cell<'a>, RowError> {
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    TypeSeed(table)
        .deserialize(&mut deserializer)
        .and_then(|row| deserializer.end().map(|()| row))
        .map_err(|error| RowError::new(ErrorCode::ValueNotConvertible, error.to_string()))
}

#[derive(Clone, Copy)]
struct TypeSeed<'t>(&'t GlueType);

impl<'de> DeserializeSeed<'de> for TypeSeed<'_> {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl TypeSeed<'_> {
    fn text<'de, E: Error>(self, text: Cow<'de, str>) -> Result<Cell<'de>, E> {
        match self.0 {
            GlueType::Text => Ok(Cell::Text(text)),
            GlueType::Timestamp => match timestamp::parse_ms(&text) {
                Some(ms) => Ok(Cell::Timestamp(ms)),
                None => Err(E::invalid_value(Unexpected::Str(&text), &self)),
            },
            _ => Err(E::invalid_type(Unexpected::Str(&text), &self)),
        }
    }

    fn fields<'de, A: MapAccess<'de>>(fields: &[GlueField], mut map: A) -> Result<Cell<'de>, A::Error> {
        let mut cells = vec![Cell::Null; fields.len()];
        let position = |key: &str| fields.iter().position(|field| field.name.eq_ignore_ascii_case(key));
        while let Some(index) = map.next_key_seed(FieldIndex(position))? {
            let Some(index) = index else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let field = &fields[index];
            cells[index] = map
                .next_value_seed(TypeSeed(&field.glue_type))
                .map_err(|error| A::Error::custom(format!("{}: {error}", field.name)))?;
        }
        Ok(Cell::Struct(cells))
    }
}

impl<'de> Visitor<'de> for TypeSeed<'_> {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)
    }

    fn visit_unit<E: Error>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Cell<'de>, E> {
        match self.0 {
            GlueType::Boolean => Ok(Cell::Boolean(value)),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Cell<'de>, E> {
        match self.0 {
            GlueType::Int => match i32::try_from(value) {
                Ok(value) => Ok(Cell::Int(value)),
                Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
            },
            GlueType::BigInt => Ok(Cell::BigInt(value)),
            GlueType::Double => Ok(Cell::Double(value as f64)),
            GlueType::Timestamp => Ok(Cell::Timestamp(value)),
            _ => Err(E::invalid_type(Unexpected::Signed(value), &self)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Cell<'de>, E> {
        match (i64::try_from(value), self.0) {
            (Ok(value), _) => self.visit_i64(value),
            (Err(_), GlueType::Double) => Ok(Cell::Double(value as f64)),
            (Err(_), _) => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Cell<'de>, E> {
        match self.0 {
            GlueType::Double => Ok(Cell::Double(value)),
            _ => Err(E::invalid_type(Unexpected::Float(value), &self)),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Cell<'de>, E> {
        self.text(Cow::Owned(value.to_owned()))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Cell<'de>, E> {
        self.text(Cow::Borrowed(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Cell<'de>, A::Error> {
        let GlueType::Array(item) = self.0 else {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        };
        let mut items = Vec::new();
        while let Some(cell) = seq.next_element_seed(TypeSeed(item))? {
            items.push(cell);
        }
        Ok(Cell::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Cell<'de>, A::Error> {
        match self.0 {
            GlueType::Struct(fields) => Self::fields(fields, map),
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(glue_type: &str, json: &'a str) -> Result<Cell<'a>, String> {
        parse(json.as_bytes(), &GlueType::parse(glue_type).unwrap()).map_err(|error| error.message)
    }

    #[test]
    fn reads_each_type() {
        assert_eq!(read("string", r#""a\nb""#), Ok(Cell::Text("a\nb".into())));
        assert_eq!(read("int", "2147483647"), Ok(Cell::Int(i32::MAX)));
        assert_eq!(read("bigint", "-9223372036854775808"), Ok(Cell::BigInt(i64::MIN)));
        assert_eq!(read("double", "3"), Ok(Cell::Double(3.0)));
        assert_eq!(read("double", "18446744073709551615"), Ok(Cell::Double(1.8446744073709552e19)));
        assert_eq!(read("boolean", "true"), Ok(Cell::Boolean(true)));
        assert_eq!(read("timestamp", r#""1970-01-01T00:00:00.007Z""#), Ok(Cell::Timestamp(7)));
        assert_eq!(read("timestamp", "7"), Ok(Cell::Timestamp(7)));
        assert_eq!(read("array<int>", "[1,null]"), Ok(Cell::List(vec![Cell::Int(1), Cell::Null])));
        assert_eq!(read("int", "null"), Ok(Cell::Null));
    }

    #[test]
    fn keys_match_without_case_and_strangers_are_dropped() {
        let row = read("struct<a:int,b:int>", r#"{"B":2,"x":{"a":9},"b":3}"#);
        assert_eq!(row, Ok(Cell::Struct(vec![Cell::Null, Cell::Int(3)])));
    }

    #[test]
    fn refuses_a_value_of_another_type() {
        for (glue_type, json) in [
            ("int", "2147483648"),
            ("int", r#""1""#),
            ("bigint", "9223372036854775808"),
            ("bigint", "1.0"),
            ("double", r#""1""#),
            ("string", "1"),
            ("string", "{}"),
            ("boolean", "1"),
            ("timestamp", r#""yesterday""#),
            ("timestamp", "1.5"),
            ("array<int>", "1"),
            ("array<int>", r#"["1"]"#),
            ("struct<a:int>", "[]"),
        ] {
            assert!(read(glue_type, json).is_err(), "{json} as {glue_type}");
        }
    }

    #[test]
    fn the_message_names_the_column_path() {
        let message = read("struct<lines:array<struct<quantity:bigint>>>", r#"{"lines":[{"quantity":"2"}]}"#);
        let message = message.unwrap_err();
        assert!(
            message.starts_with("lines: quantity: invalid type: string \"2\", expected bigint"),
            "{message}"
        );
    }
}
