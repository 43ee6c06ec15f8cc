//! JSON whose errors quote no more of it than a rule may hold.
//!
//! An error of `serde_json` quotes the text that it did not expect, escaped: a text of ten megabytes makes an error of
//! sixty, and the error path copies it. Here a visitor's error is written into a text of bounded length. So that
//! `serde_json` quotes nothing by itself either, it is asked for any value and leaves the judgement to the visitor.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::decode::RULE_LIMIT_BYTES;

/// Reads a `T` from JSON text.
///
/// # Errors
/// When the text is no JSON, or no `T`; of bounded length.
pub fn from_str<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    whole(serde_json::Deserializer::from_str(text))
}

/// Reads a `T` from the bytes of a JSON text.
///
/// # Errors
/// When the bytes are no JSON, or no `T`; of bounded length.
pub fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, serde_json::Error> {
    whole(serde_json::Deserializer::from_slice(bytes))
}

fn whole<'a, R, T>(mut deserializer: serde_json::Deserializer<R>) -> Result<T, serde_json::Error>
where
    R: serde_json::de::Read<'a>,
    T: Deserialize<'a>,
{
    let value = T::deserialize(Bounded(&mut deserializer))?;
    deserializer.end().map(|()| value)
}

/// Reads a `T` so that its errors are of bounded length, for a reader that lies within another one.
///
/// # Errors
/// Those of the deserializer.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(Bounded(deserializer))
}

/// A deserializer, visitor, access or seed, with what is reached through it.
pub(crate) struct Bounded<T>(pub(crate) T);

/// A text that takes no more than a rule may hold, and a few words around it.
#[derive(Debug)]
struct Quoted(String);

impl fmt::Write for Quoted {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (2 * RULE_LIMIT_BYTES).saturating_sub(self.0.len());
        self.0.push_str(crate::decode::truncate(text, room));
        // The rest would be written for nothing: quoting ends here.
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Quoted {}

impl Error for Quoted {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let mut quoted = Self(String::new());
        // What does not fit is left out.
        let _ = fmt::write(&mut quoted, format_args!("{message}"));
        quoted
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Bounded(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Bounded(visitor))
    }

    /// Raw values are asked for by a name that `serde_json` alone knows.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Bounded(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Bounded(visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.0.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.0.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.0.visit_u64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.0.visit_f64(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.0.visit_str::<Quoted>(text).map_err(E::custom)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.0.visit_borrowed_str::<Quoted>(text).map_err(E::custom)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Bounded(value))
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Bounded(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Bounded(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Bounded(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Bounded(variant))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Bounded(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Bounded(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Bounded(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<A> {
    type Error = A::Error;
    type Variant = A::Variant;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, A::Variant), A::Error> {
        self.0.variant_seed(Bounded(seed))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Bounded(deserializer))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::value::RawValue;

    use super::*;
    use crate::json_object::JsonObject;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Example<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        count: Option<i64>,
        #[serde(borrow)]
        raw: Option<&'a RawValue>,
        kind: Option<Kind>,
        inner: Option<JsonObject<Inner>>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        name: String,
    }

    #[test]
    fn what_is_sound_is_read_as_without_it() {
        let text = r#"{"name":"n","count":5,"raw":{"a":[1]},"kind":"one","inner":{"name":"m","count":null}}"#;
        let JsonObject(example) = from_str::<JsonObject<Example<'_>>>(text).unwrap();
        assert!(matches!(example.name, Cow::Borrowed("n")));
        assert_eq!(
            (example.count, example.raw.unwrap().get(), example.kind),
            (Some(5), r#"{"a":[1]}"#, Some(Kind::One))
        );
        assert_eq!(example.inner.unwrap().0.name, "m");
        assert!(from_str::<u8>("1 2").is_err() && from_slice::<u8>(b"1 ").is_ok());
    }

    #[test]
    fn errors_say_what_serde_json_says() {
        let texts = [
            r#"{"name":5}"#,
            r#"{"name":null}"#,
            r#"{"name":"n","count":1.5}"#,
            r#"{"name":"n","count":"\u0007"}"#,
            r#"{"name":"n","count":18446744073709551615}"#,
            r#"{"name":"n","kind":"two"}"#,
            r#"{"name":"n","kind":5}"#,
            r#"{"name":"n","inner":[]}"#,
            r#"{"name":"n","inner":"text"}"#,
            r#"{"count":1}"#,
            r#"{"name":"n","name":"n"}"#,
            r#"{"name":"\ud800"}"#,
            r#""text""#,
            "{",
        ];
        for text in texts {
            let said = from_str::<JsonObject<Example<'_>>>(text).unwrap_err().to_string();
            let plain = serde_json::from_str::<JsonObject<Example<'_>>>(text).unwrap_err().to_string();
            let rule = |said: &str| said.rsplit_once(" at line ").map(|(rule, _)| rule.to_owned());
            assert_eq!(rule(&said), rule(&plain), "{text}");
        }
    }

    #[test]
    fn errors_quote_a_text_up_to_their_limit() {
        let long = "\u{7f}".repeat(1_000_000);
        for (before, behind) in
            [("\"", "\""), (r#"{"name":"n","count":""#, "\"}"), (r#"{"name":"n","kind":""#, "\"}")]
        {
            let text = format!("{before}{long}{behind}");
            let said = from_str::<JsonObject<Example<'_>>>(&text).unwrap_err().to_string();
            assert!(said.len() < 3 * RULE_LIMIT_BYTES, "{} bytes", said.len());
        }
    }
}
