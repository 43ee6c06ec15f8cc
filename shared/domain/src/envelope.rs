//! The CloudEvents 1.0 JSON envelope of one event.

mod head;
mod text;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bounded_json;
use crate::carried_data;
use crate::contract::{self, NAME_LIMIT_BYTES};
use crate::decode::{error_rule, field_error};
use crate::event::{Data, Event};
use crate::half_characters;
use crate::identity::{ID_LIMIT_BYTES, SOURCE_LIMIT_BYTES};
use crate::invalid::{Invalid, Reason};
use crate::json_object::JsonObject;
use crate::number_text::whole_number;
use crate::position::{INDEX_LIMIT, Position, SequenceNumber, Shard};
use crate::signal::Origin;
use crate::time::parse_rfc3339_ms;
use head::Head;
use text::Text;

/// Longest subject in bytes: a Kinesis partition key has 256 characters, and every character is a byte or more.
pub const SUBJECT_LIMIT_BYTES: usize = 256;
/// Longest event type in bytes.
pub const TYPE_LIMIT_BYTES: usize = 128;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    specversion: Text<'a>,
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    source: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    event_type: Text<'a>,
    #[serde(borrow, default)]
    subject: Text<'a>,
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, default)]
    dataschema: Text<'a>,
    #[serde(borrow, default)]
    datacontenttype: Text<'a>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data_base64: Option<Text<'a>>,
    #[serde(borrow, default)]
    originstream: Text<'a>,
    #[serde(borrow, default)]
    originshardid: Text<'a>,
    #[serde(borrow, default)]
    originsequencenumber: Text<'a>,
    #[serde(default, deserialize_with = "whole_number")]
    originsubsequence: u32,
    #[serde(default, deserialize_with = "whole_number")]
    originelement: u32,
    #[serde(default, deserialize_with = "whole_number")]
    originindex: u32,
}

/// Reads one event: the JSON text of one CloudEvents object.
///
/// # Errors
/// The stage, field and rule that reject it, with the event's id where it could be read.
pub fn read_event(text: &str) -> Result<Event<'_>, Invalid> {
    if let Some(invalid) = half_characters::in_event(text) {
        return Err(invalid);
    }
    let JsonObject::<Wire<'_>>(wire) = bounded_json::from_str(text).map_err(|error| explain(text, &error))?;
    check(&wire).and_then(|time_ms| event(&wire, time_ms)).map_err(|invalid| match wire.id.0.as_ref() {
        "" => invalid,
        id => invalid.of_event(crate::decode::truncate(id, ID_LIMIT_BYTES)),
    })
}

fn check(wire: &Wire<'_>) -> Result<i64, Invalid> {
    let reject = |field: &str, rule: String| Err(Invalid::field(Reason::Envelope, field, rule));
    if wire.specversion.0 != "1.0" {
        return reject("specversion", "must be \"1.0\"".to_owned());
    }
    let texts = [
        ("id", &wire.id, ID_LIMIT_BYTES),
        ("source", &wire.source, SOURCE_LIMIT_BYTES),
        ("type", &wire.event_type, TYPE_LIMIT_BYTES),
        ("subject", &wire.subject, SUBJECT_LIMIT_BYTES),
    ];
    for (field, Text(text), limit) in texts {
        match text.len() {
            0 => return reject(field, "is missing or empty".to_owned()),
            length if length > limit => {
                return reject(field, format!("must be {limit} bytes or fewer, is {length}"));
            }
            _ if text.chars().any(char::is_control) => {
                return reject(field, "must not hold control characters".to_owned());
            }
            _ => {}
        }
    }
    if !is_json(&wire.datacontenttype.0) {
        return reject("datacontenttype", "must be application/json or end in +json".to_owned());
    }
    match parse_rfc3339_ms(&wire.time.0) {
        Some(time_ms) => Ok(time_ms),
        None if wire.time.0.is_empty() => reject("time", "is missing or empty".to_owned()),
        None => reject("time", "must be an RFC 3339 timestamp of 1970 or later".to_owned()),
    }
}

fn event<'a>(wire: &Wire<'a>, time_ms: i64) -> Result<Event<'a>, Invalid> {
    let raw = carried_data::text_of(wire.data, wire.data_base64.as_ref().map(|Text(text)| text.as_ref()))?;
    let data = match &raw {
        Some(Cow::Owned(text)) => contract::read_data(&wire.event_type.0, Some(text))?.into_owned(),
        Some(Cow::Borrowed(text)) => contract::read_data(&wire.event_type.0, Some(text))?,
        None => contract::read_data(&wire.event_type.0, None)?,
    };
    contract::check_subject(&wire.subject.0, &data)?;
    if let Data::TimerDue(timer) = &data {
        timer.check_envelope(&wire.source.0, &wire.id.0, time_ms)?;
    }
    Ok(Event {
        id: wire.id.0.clone(),
        source: wire.source.0.clone(),
        event_type: wire.event_type.0.clone(),
        subject: wire.subject.0.clone(),
        time_ms,
        data_schema: (!wire.dataschema.0.is_empty()).then(|| wire.dataschema.0.clone()),
        data,
        raw_data: raw.unwrap_or_default(),
        origin: origin(wire),
    })
}

/// What an event says of its cause. Whoever needs it asks whether it is there.
fn origin(wire: &Wire<'_>) -> Option<Box<Origin>> {
    let (stream, shard_id) = (&wire.originstream.0, &wire.originshardid.0);
    if ![stream, shard_id].iter().all(|name| (1..=NAME_LIMIT_BYTES).contains(&name.len())) {
        return None;
    }
    let numbers = [wire.originsubsequence, wire.originelement, wire.originindex];
    if numbers.iter().any(|number| *number > INDEX_LIMIT) {
        return None;
    }
    let sequence = SequenceNumber::parse(&wire.originsequencenumber.0).ok()?;
    let position = Position { sequence, sub_sequence: wire.originsubsequence, element: wire.originelement };
    Some(Box::new(Origin { shard: Shard::new(stream, shard_id), position, index: wire.originindex }))
}

/// Parameters such as `; charset=utf-8` do not matter, nor does case (RFC 2045, 5.1); an absent content type means JSON in
/// the JSON format.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let suffix = media_type.rsplit_once('+').map_or("", |(_, suffix)| suffix);
    media_type.is_empty()
        || media_type.eq_ignore_ascii_case("application/json")
        || suffix.eq_ignore_ascii_case("json")
}

fn explain(text: &str, error: &serde_json::Error) -> Invalid {
    let id = match Head::read(text) {
        Ok(Head::Object { id }) => id,
        Ok(Head::Other) => return Invalid::whole(Reason::Envelope, "is JSON, but no CloudEvents object"),
        Err(_) => return Invalid::whole(Reason::NotJson, format!("is not JSON: {}", error_rule(error))),
    };
    let (field, rule) = field_error::<JsonObject<Wire<'_>>>(text);
    let invalid = Invalid::field(Reason::Envelope, field, rule);
    match id.as_ref().map(|Text(id)| id.as_ref()) {
        Some("") | None => invalid,
        Some(id) => invalid.of_event(crate::decode::truncate(id, ID_LIMIT_BYTES)),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    const VIEW: &str = r#"{"specversion":"1.0","id":"e1","source":"urn:s","type":"product.viewed","subject":"u1",
        "time":"2010-12-01T08:26:00Z","traceparent":"x","data":{"sku":"a"}}"#;

    #[test]
    fn an_event_borrows_from_its_text() {
        let event = read_event(VIEW).unwrap();
        assert!(matches!(event.subject, Cow::Borrowed("u1")));
        assert!(matches!(&event.data, Data::ProductViewed(view) if matches!(view.sku, Cow::Borrowed("a"))));
        assert_eq!((event.time_ms, &*event.raw_data), (1_291_191_960_000, r#"{"sku":"a"}"#));
    }

    #[test]
    fn a_broken_envelope_names_field_and_rule() {
        let cases = [
            (r#""specversion":"1.0""#, r#""specversion":"0.3""#, "specversion must be \"1.0\""),
            (r#""id":"e1""#, r#""id":"""#, "id is missing or empty"),
            (r#""id":"e1""#, r#""id":7"#, "id invalid type: integer `7`, expected a string"),
            (r#""source":"urn:s","#, "", "source is missing or empty"),
            (r#""subject":"u1""#, r#""subject":null"#, "subject is missing or empty"),
            (r#""subject":"u1""#, r#""subject":"u\n1""#, "subject must not hold control characters"),
            ("2010-12-01T08:26:00Z", "1.12.2010", "time must be an RFC 3339 timestamp of 1970 or later"),
            ("2010-12-01T08:26:00Z", "", "time is missing or empty"),
            (
                r#""traceparent":"x""#,
                r#""datacontenttype":"text/xml""#,
                "datacontenttype must be application/json or end in +json",
            ),
            (r#"{"sku":"a"}"#, r#"{"sku":3}"#, "data.sku invalid type: integer `3`, expected a string"),
        ];
        for (old, new, expected) in cases {
            let text = VIEW.replacen(old, new, 1);
            assert_ne!(text, VIEW);
            assert_eq!(read_event(&text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_id_is_named_where_it_can_be_read() {
        let id = |text: &str| read_event(text).unwrap_err().event_id;
        assert_eq!(id(&VIEW.replace(r#""sku":"a""#, "")), Some("e1".to_owned()));
        assert_eq!(id(&VIEW.replace(r#""urn:s""#, "5")), Some("e1".to_owned()));
        assert_eq!(id(&VIEW.replace("e1", "").replace(r#""urn:s""#, "5")), None);
        assert_eq!(id("{"), None);
    }

    #[test]
    fn what_is_no_object_is_told_apart_from_what_is_no_json() {
        assert_eq!(read_event("5").unwrap_err().reason, Reason::Envelope);
        let positions = r#"["1.0","e1","urn:s","user.logged_in","u1","2010-12-01T08:26:00Z",null,null,null,null,null,null,0,0,0]"#;
        assert_eq!(read_event(positions).unwrap_err().reason, Reason::Envelope);
        assert_eq!(read_event("{\"a\":").unwrap_err().reason, Reason::NotJson);
        assert_eq!(read_event("").unwrap_err().reason, Reason::NotJson);
    }

    #[test]
    fn every_spelling_of_json_is_a_content_type() {
        for content_type in
            ["", "application/json", "application/json; charset=utf-8", "application/x+json;v=1"]
                .into_iter()
                .chain([
                    "Application/JSON",
                    "application/vnd.shop.v1+JSON; charset=utf-8",
                    "APPLICATION/Json",
                ])
        {
            let attribute = format!(r#""datacontenttype":"{content_type}""#);
            assert!(read_event(&VIEW.replace(r#""traceparent":"x""#, &attribute)).is_ok(), "{content_type}");
        }
    }

    #[test]
    fn a_schema_is_kept_where_one_is_named() {
        assert_eq!(read_event(VIEW).unwrap().data_schema, None);
        let named = VIEW.replace(r#""traceparent":"x""#, r#""dataschema":"urn:v1""#);
        assert_eq!(read_event(&named).unwrap().data_schema.as_deref(), Some("urn:v1"));
    }

    #[test]
    fn an_origin_is_there_when_stream_shard_and_sequence_can_be_one() {
        let has = |stream: &str, shard_id: &str, sequence: &str| {
            let attributes = format!(
                r#""originstream":"{stream}","originshardid":"{shard_id}","originsequencenumber":"{sequence}""#
            );
            let text = VIEW.replace(r#""traceparent":"x""#, &attributes);
            read_event(&text).unwrap().origin.is_some()
        };
        let (longest, longer) = ("l".repeat(NAME_LIMIT_BYTES), "l".repeat(NAME_LIMIT_BYTES + 1));
        let cases = [
            ("s", "l", "5", true),
            ("s", &longest, "5", true),
            (&longest, "l", "5", true),
            ("s", &longer, "5", false),
            (&longer, "l", "5", false),
            ("s", "", "5", false),
            ("", "l", "5", false),
            ("s", "l", "05", false),
        ];
        for (stream, shard_id, sequence, expected) in cases {
            assert_eq!(has(stream, shard_id, sequence), expected, "{stream} {shard_id} {sequence}");
        }
    }

    #[test]
    fn an_origin_counts_no_further_than_the_lake_does() {
        for name in ["originsubsequence", "originelement", "originindex"] {
            let has = |number: u32| {
                let attributes = format!(
                    r#""originstream":"s","originshardid":"l","originsequencenumber":"5","{name}":{number}"#
                );
                read_event(&VIEW.replace(r#""traceparent":"x""#, &attributes)).unwrap().origin.is_some()
            };
            assert!(has(INDEX_LIMIT) && !has(INDEX_LIMIT + 1), "{name}");
        }
    }

    #[test]
    fn lengths_end_at_their_limits() {
        let with = |length: usize| VIEW.replace("u1", &"u".repeat(length));
        assert!(read_event(&with(SUBJECT_LIMIT_BYTES)).is_ok());
        assert!(read_event(&with(SUBJECT_LIMIT_BYTES + 1)).is_err());
        let with = |length: usize| VIEW.replace("e1", &"e".repeat(length));
        assert!(read_event(&with(ID_LIMIT_BYTES)).is_ok());
        assert!(read_event(&with(ID_LIMIT_BYTES + 1)).is_err());
    }
}
