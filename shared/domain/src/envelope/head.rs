//! What can be told of an event that breaks the envelope, in one pass and without a tree of its values: a tree takes up
//! to a hundred bytes for each byte of text.

use std::fmt;

use serde::de::{Deserializer as _, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::Text;
use crate::bounded_json;

/// What a text is that is JSON.
pub(super) enum Head<'a> {
    /// An object, with its `id` where that is a text.
    Object { id: Option<Text<'a>> },
    /// Anything else.
    Other,
}

impl<'a> Head<'a> {
    /// # Errors
    /// When the text is no JSON.
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let head = deserializer.deserialize_any(HeadVisitor)?;
        deserializer.end().map(|()| head)
    }
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Head<'de>, A::Error> {
        let mut id = None;
        while let Some(Text(name)) = entries.next_key::<Text<'de>>()? {
            match name.as_ref() {
                "id" => id = bounded_json::from_str(entries.next_value::<&RawValue>()?.get()).ok(),
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Head::Object { id })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Head<'de>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Head::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Head<'de>, E> {
        Ok(Head::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Head<'de>, E> {
        Ok(Head::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Head<'de>, E> {
        Ok(Head::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Head<'de>, E> {
        Ok(Head::Other)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Head<'de>, E> {
        Ok(Head::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Head<'de>, E> {
        Ok(Head::Other)
    }
}
