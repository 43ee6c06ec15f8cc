//! The names of all attributes that a type is read from, nested ones too, asked of its own `Deserialize`.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

/// The paths of the fields of a type; elements of lists and values of maps are `*`.
pub(crate) fn shape<T: DeserializeOwned>() -> Vec<String> {
    let found = RefCell::default();
    // What is read so may be no `T`: its fields were asked for all the same.
    let _ = T::deserialize(Recorder { path: String::new(), found: &found });
    found.into_inner().into_iter().collect()
}

/// Gives each type something to read, and notes the names that structs ask for.
struct Recorder<'r> {
    path: String,
    found: &'r RefCell<BTreeSet<String>>,
}

impl Recorder<'_> {
    fn below(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { path, found: self.found }
    }
}

/// Fields of a struct, or one entry of a map, or one element of a list.
struct Entries<'r> {
    of: Recorder<'r>,
    names: std::iter::Copied<std::slice::Iter<'static, &'static str>>,
    current: &'static str,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.names.next() else { return Ok(None) };
        self.current = name;
        // Keys of maps may be currencies.
        let key: StrDeserializer<'_, Error> = if name == "*" { "GBP" } else { name }.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.of.below(self.current))
    }
}

impl<'de> SeqAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.names.next().map(|name| seed.deserialize(self.of.below(name))).transpose()
    }
}

impl Recorder<'_> {
    fn entries<'s>(self, names: &'static [&'static str]) -> Entries<'s>
    where
        Self: 's,
    {
        Entries {
            of: Recorder { path: self.path, found: self.found },
            names: names.iter().copied(),
            current: "",
        }
    }
}

macro_rules! values {
    ($($method:ident => $visit:ident($($value:expr)?)),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit($($value)?)
        })+
    };
}

impl<'de> Deserializer<'de> for Recorder<'_> {
    type Error = Error;

    values! {
        deserialize_any => visit_u64(1), deserialize_bool => visit_bool(true),
        deserialize_i8 => visit_i64(1), deserialize_i16 => visit_i64(1), deserialize_i32 => visit_i64(1),
        deserialize_i64 => visit_i64(1), deserialize_i128 => visit_i128(1), deserialize_u8 => visit_u64(1),
        deserialize_u16 => visit_u64(1), deserialize_u32 => visit_u64(1), deserialize_u64 => visit_u64(1),
        deserialize_u128 => visit_u128(1), deserialize_f32 => visit_f64(1.0), deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('1'), deserialize_str => visit_str("1"),
        deserialize_string => visit_str("1"), deserialize_identifier => visit_str("1"),
        // A format, and a count of nothing.
        deserialize_bytes => visit_bytes(&[1, 0]), deserialize_byte_buf => visit_bytes(&[1, 0]),
        deserialize_unit => visit_unit(), deserialize_ignored_any => visit_unit(),
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self.entries(&["*"]))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.entries(&["*"]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.found.borrow_mut().extend(fields.iter().map(|field| self.below(field).path));
        visitor.visit_map(self.entries(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        panic!("{} is one of {variants:?}: say how an enum is recorded", self.path)
    }
}
