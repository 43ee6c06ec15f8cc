//! Glue column types.

use std::fmt;

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GlueType {
    Text,
    Int,
    BigInt,
    Double,
    Boolean,
    Timestamp,
    Array(Box<GlueType>),
    Struct(Vec<GlueField>),
}

/// A column of the table or a field of a struct; the name is lower-cased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GlueField {
    pub(crate) name: String,
    pub(crate) glue_type: GlueType,
}

/// A type string that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GlueTypeError {
    /// A word that is no supported type.
    #[error(
        "{0:?} is not a supported Glue type: use string, int, bigint, double, boolean, timestamp, array<..> or struct<name:type,..>"
    )]
    Unknown(String),
    /// A sign is missing.
    #[error("{sign:?} is missing before {rest:?}: write array<type> or struct<name:type,..>")]
    Missing {
        /// The sign.
        sign: char,
        /// What stands in its place.
        rest: String,
    },
    /// Something follows the type.
    #[error("{0:?} follows a complete type: remove it")]
    Trailing(String),
    /// Two fields of a struct share a name, or one has none.
    #[error("struct field {0:?} is empty or declared twice: give each field a name of its own")]
    Field(String),
}

impl GlueType {
    /// Reads a type string such as `array<struct<sku:string,quantity:bigint>>`.
    pub(crate) fn parse(text: &str) -> Result<Self, GlueTypeError> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
        let (glue_type, rest) = parse_type(&compact)?;
        if rest.is_empty() { Ok(glue_type) } else { Err(GlueTypeError::Trailing(rest.to_owned())) }
    }
}

fn parse_type(text: &str) -> Result<(GlueType, &str), GlueTypeError> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let simple = match word {
        "string" => GlueType::Text,
        "int" => GlueType::Int,
        "bigint" => GlueType::BigInt,
        "double" => GlueType::Double,
        "boolean" => GlueType::Boolean,
        "timestamp" => GlueType::Timestamp,
        "array" => {
            let (item, rest) = parse_type(expect(rest, '<')?)?;
            return Ok((GlueType::Array(Box::new(item)), expect(rest, '>')?));
        }
        "struct" => return parse_struct(expect(rest, '<')?),
        _ => return Err(GlueTypeError::Unknown(word.to_owned())),
    };
    Ok((simple, rest))
}

fn parse_struct(mut text: &str) -> Result<(GlueType, &str), GlueTypeError> {
    let mut fields: Vec<GlueField> = Vec::new();
    loop {
        let end = text.find([':', ',', '<', '>']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() || fields.iter().any(|field| field.name == name) {
            return Err(GlueTypeError::Field(name.to_owned()));
        }
        let (glue_type, rest) = parse_type(expect(rest, ':')?)?;
        fields.push(GlueField { name: name.to_owned(), glue_type });
        match rest.strip_prefix(',') {
            Some(more) => text = more,
            None => return Ok((GlueType::Struct(fields), expect(rest, '>')?)),
        }
    }
}

fn expect(text: &str, sign: char) -> Result<&str, GlueTypeError> {
    text.strip_prefix(sign).ok_or_else(|| GlueTypeError::Missing { sign, rest: text.to_owned() })
}

impl fmt::Display for GlueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("string"),
            Self::Int => f.write_str("int"),
            Self::BigInt => f.write_str("bigint"),
            Self::Double => f.write_str("double"),
            Self::Boolean => f.write_str("boolean"),
            Self::Timestamp => f.write_str("timestamp (ISO 8601 ending in Z, or epoch milliseconds)"),
            Self::Array(_) => f.write_str("array"),
            Self::Struct(_) => f.write_str("struct"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, glue_type: GlueType) -> GlueField {
        GlueField { name: name.to_owned(), glue_type }
    }

    #[test]
    fn reads_nested_types() {
        let lines =
            GlueType::parse("array<struct<SKU:string, quantity:bigint,unit_price_minor:bigint>>").unwrap();
        let expected = GlueType::Array(Box::new(GlueType::Struct(vec![
            field("sku", GlueType::Text),
            field("quantity", GlueType::BigInt),
            field("unit_price_minor", GlueType::BigInt),
        ])));
        assert_eq!(lines, expected);
        assert_eq!(
            GlueType::parse("struct<a:array<int>,b:struct<c:timestamp>>").unwrap(),
            GlueType::Struct(vec![
                field("a", GlueType::Array(Box::new(GlueType::Int))),
                field("b", GlueType::Struct(vec![field("c", GlueType::Timestamp)])),
            ])
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let refused = |text| GlueType::parse(text).unwrap_err();
        assert_eq!(refused("decimal(10,2)"), GlueTypeError::Unknown("decimal".to_owned()));
        assert_eq!(refused("array<int"), GlueTypeError::Missing { sign: '>', rest: String::new() });
        assert_eq!(refused("int>"), GlueTypeError::Trailing(">".to_owned()));
        assert_eq!(refused("struct<a:int,a:int>"), GlueTypeError::Field("a".to_owned()));
        assert_eq!(refused("struct<>"), GlueTypeError::Field(String::new()));
        assert_eq!(refused(""), GlueTypeError::Unknown(String::new()));
    }
}
