//! Halves of characters: `\ud83d` without its other half, as JavaScript writes a text that was cut within an emoji.
//!
//! RFC 8259 lets them pass, and no text can hold them. Readers of the lake refuse the whole of `data` for one, and with it
//! the query. So an event that holds one anywhere is refused.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::decode::{field_error, truncate};
use crate::identity::ID_LIMIT_BYTES;
use crate::invalid::{Invalid, Reason};

/// Longest path that is named, in bytes: names of what we do not know are anybody's.
const FIELD_LIMIT_BYTES: usize = 64;

const RULE: &str = "must not hold half of a character, such as \\ud83d alone";

/// The refusal of an event's text that holds half of a character; `None` where it holds none, or is no JSON.
pub(crate) fn in_event(text: &str) -> Option<Invalid> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow, default)]
        id: Option<&'a RawValue>,
    }
    let path = found(text)?;
    let reason = match path.split(['.', '[']).next() {
        Some("data") => Reason::Contract,
        _ => Reason::Envelope,
    };
    let invalid = Invalid::field(reason, path, RULE);
    let id = serde_json::from_str::<Id<'_>>(text).ok().and_then(|event| event.id);
    Some(match id.and_then(|id| serde_json::from_str::<String>(id.get()).ok()) {
        Some(id) if !id.is_empty() => invalid.of_event(truncate(&id, ID_LIMIT_BYTES)),
        _ => invalid,
    })
}

/// The same of the text of `data` alone.
pub(crate) fn in_data(text: &str) -> Option<Invalid> {
    let path = found(text)?;
    let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    let field = format!("data{separator}{path}");
    Some(Invalid::field(Reason::Contract, truncate(&field, FIELD_LIMIT_BYTES), RULE))
}

/// Where half of a character stands, as far as that can be told. What comes before any error is cheap: nearly no text holds
/// an escape.
fn found(text: &str) -> Option<String> {
    if !is_anywhere_in(text) || serde_json::from_str::<&RawValue>(text).is_err() {
        return None;
    }
    let (path, _) = field_error::<Texts>(text);
    // A name that holds one has none itself.
    let path = path.trim_end_matches('?').trim_end_matches('.');
    Some(truncate(path, FIELD_LIMIT_BYTES).to_owned())
}

fn is_anywhere_in(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, escape)) = rest.split_once('\\') {
        let (unit, behind) = unit(escape);
        rest = match unit {
            Some(0xd800..=0xdbff) => match behind.strip_prefix('\\').map(self::unit) {
                Some((Some(0xdc00..=0xdfff), behind)) => behind,
                _ => return true,
            },
            Some(0xdc00..=0xdfff) => return true,
            _ => behind,
        };
    }
    false
}

/// The UTF-16 unit of an escape behind its backslash, where it is one of `\uXXXX`, and what follows the escape.
fn unit(escape: &str) -> (Option<u16>, &str) {
    let digits = escape.strip_prefix('u').and_then(|rest| rest.split_at_checked(4));
    let unit = digits.and_then(|(digits, rest)| Some((u16::from_str_radix(digits, 16).ok()?, rest)));
    match unit {
        Some((unit, rest)) => (Some(unit), rest),
        None => {
            let mut characters = escape.chars();
            characters.next();
            (None, characters.as_str())
        }
    }
}

/// Every text of a JSON value, read and forgotten: reading fails at half of a character.
struct Texts;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        // As texts, so that the path of an error names them.
        while map.next_key::<String>()?.is_some() {
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_told_from_whole_characters_and_from_text_about_them() {
        for text in
            [r#""\ud83d""#, r#""\uDE00""#, r#""\ud83d\n""#, r#""\ud83d\ud83d\ude00""#, r#""\\\ud83d""#]
        {
            assert!(is_anywhere_in(text), "{text}");
        }
        for text in
            [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\u00fc\\""#, r#""\"\ud7ff\ue000""#, "\"😀\"", "\"\\"]
        {
            assert!(!is_anywhere_in(text), "{text}");
        }
    }

    #[test]
    fn the_refusal_names_where_it_stands() {
        let field =
            |text: &str| in_event(text).map(|invalid| (invalid.reason, invalid.field, invalid.event_id));
        let id = || Some("e".to_owned());
        let cases = [
            (r#"{"id":"e","data":{"a":[1,{"b":"\ud83d"}]}}"#, Reason::Contract, "data.a[1].b", id()),
            (r#"{"id":"e","data":"\ud83d"}"#, Reason::Contract, "data", id()),
            (r#"{"id":"e","database":"\ud83d"}"#, Reason::Envelope, "database", id()),
            (r#"{"id":"\ud83d","data":{}}"#, Reason::Envelope, "id", None),
            (r#"["\ud83d"]"#, Reason::Envelope, "[0]", None),
            (r#"{"id":"e","data":{"\udc00":1}}"#, Reason::Contract, "data", id()),
            (r#"{"id":"e","\udc00":1}"#, Reason::Envelope, "", None),
        ];
        for (text, reason, path, id) in cases {
            assert_eq!(field(text), Some((reason, path.to_owned(), id)), "{text}");
        }
        assert_eq!(field(r#"{"id":"e","data":{"a":"\ud83d"}"#), None, "no JSON");
        assert_eq!(in_data(r#"["\ud83d"]"#).unwrap().field, "data[0]");
        assert_eq!(in_data(r#"{"a":"\ud83d"}"#).unwrap().field, "data.a");
        let long = format!(r#"{{"{}":"\ud83d"}}"#, "n".repeat(1_000));
        assert_eq!(in_data(&long).unwrap().field.len(), FIELD_LIMIT_BYTES);
    }

    #[test]
    fn a_number_that_no_reader_takes_does_not_hide_it() {
        assert!(in_event(r#"{"a":1e999,"data":{"b":"\ud83d"}}"#).is_some());
    }
}
