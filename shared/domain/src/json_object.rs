//! Structs from JSON objects only.
//!
//! A derived reader also takes an array and reads the fields in the order in which they are declared, so that
//! `["a", 1]` would be a cart change that no contract describes.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// A `T` that was written as an object.
#[derive(Debug)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = JsonObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonObject<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(JsonObject)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Reads an array of objects, for `deserialize_with`.
///
/// # Errors
/// When the value is no array, or one of its elements no object or no `T`.
pub fn json_objects<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let objects = Vec::<JsonObject<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|JsonObject(element)| element).collect())
}

/// Reads an array of objects, of which it keeps the first `limit`, and counts them all: what is too much takes no
/// memory.
///
/// # Errors
/// When the value is no array, or one of its elements no object or no `T`.
pub fn first_objects<'de, T, D>(limit: usize, deserializer: D) -> Result<(Vec<T>, usize), D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct First<T>(usize, PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for First<T> {
        type Value = (Vec<T>, usize);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
            let (mut first, mut count) = (Vec::new(), 0);
            while let Some(JsonObject(element)) = elements.next_element::<JsonObject<T>>()? {
                count += 1;
                if first.len() < self.0 {
                    first.push(element);
                }
            }
            Ok((first, count))
        }
    }
    deserializer.deserialize_seq(First(limit, PhantomData))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        count: i64,
    }

    #[test]
    fn an_object_borrows_and_an_array_of_fields_is_refused() {
        let JsonObject(pair) =
            serde_json::from_str::<JsonObject<Pair<'_>>>(r#"{"name":"a","count":1}"#).unwrap();
        assert!(matches!(pair.name, Cow::Borrowed("a")));
        let Err(error) = serde_json::from_str::<JsonObject<Pair<'_>>>(r#"["a",1]"#) else {
            panic!("an array is taken for an object")
        };
        assert_eq!(error.to_string(), "invalid type: sequence, expected an object at line 1 column 0");
    }
}
