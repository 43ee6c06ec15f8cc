//! Positions as fields of rows and quarantine lines: one set of names for all that is stored.
//!
//! What a signal says of its origin has the same names without underscores, since CloudEvents knows none.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::position::{Position, SequenceNumber, Shard, StreamPosition};
use crate::signal::Origin;
use crate::time::{rfc3339_ms, rfc3339_ms_option};

/// A field that is missing, or whose value no position has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing or no part of a position")]
pub struct NoPosition(pub &'static str);

/// Where an event was first, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFields<'a> {
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    shard_id: Cow<'a, str>,
    #[serde(borrow)]
    sequence_number: Cow<'a, str>,
    sub_sequence_number: u32,
    element: u32,
    #[serde(with = "rfc3339_ms")]
    arrived_at: i64,
}

/// Where the redrive envelope stood that brought an event back, and when it arrived; empty where none did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedriveFields<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    redrive_stream: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    redrive_shard_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    redrive_sequence_number: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redrive_sub_sequence_number: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redrive_element: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rfc3339_ms_option")]
    redrive_arrived_at: Option<i64>,
}

/// What caused a signal; empty for what is no signal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginFields<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    origin_stream: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    origin_shard_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    origin_sequence_number: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin_sub_sequence_number: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin_element: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin_index: Option<u32>,
}

impl<'a> From<&'a StreamPosition> for FirstFields<'a> {
    fn from(at: &'a StreamPosition) -> Self {
        Self {
            stream: at.shard.stream().into(),
            shard_id: at.shard.id().into(),
            sequence_number: at.position.sequence.as_str().into(),
            sub_sequence_number: at.position.sub_sequence,
            element: at.position.element,
            arrived_at: at.arrived_at_ms,
        }
    }
}

impl<'a> From<Option<&'a StreamPosition>> for RedriveFields<'a> {
    fn from(at: Option<&'a StreamPosition>) -> Self {
        let Some(at) = at else { return Self::default() };
        Self {
            redrive_stream: Some(at.shard.stream().into()),
            redrive_shard_id: Some(at.shard.id().into()),
            redrive_sequence_number: Some(at.position.sequence.as_str().into()),
            redrive_sub_sequence_number: Some(at.position.sub_sequence),
            redrive_element: Some(at.position.element),
            redrive_arrived_at: Some(at.arrived_at_ms),
        }
    }
}

impl<'a> From<Option<&'a Origin>> for OriginFields<'a> {
    fn from(origin: Option<&'a Origin>) -> Self {
        let Some(origin) = origin else { return Self::default() };
        Self {
            origin_stream: Some(origin.shard.stream().into()),
            origin_shard_id: Some(origin.shard.id().into()),
            origin_sequence_number: Some(origin.position.sequence.as_str().into()),
            origin_sub_sequence_number: Some(origin.position.sub_sequence),
            origin_element: Some(origin.position.element),
            origin_index: Some(origin.index),
        }
    }
}

impl FirstFields<'_> {
    /// The position.
    ///
    /// # Errors
    /// The field that no position has.
    pub fn read(&self) -> Result<StreamPosition, NoPosition> {
        let sequence = sequence(&self.sequence_number, "sequence_number")?;
        Ok(StreamPosition {
            shard: Shard::new(&self.stream, &self.shard_id),
            position: Position { sequence, sub_sequence: self.sub_sequence_number, element: self.element },
            arrived_at_ms: self.arrived_at,
        })
    }
}

impl RedriveFields<'_> {
    /// The position; `None` where all fields are absent.
    ///
    /// # Errors
    /// The field that is missing beside others, or that no position has.
    pub fn read(&self) -> Result<Option<StreamPosition>, NoPosition> {
        if *self == Self::default() {
            return Ok(None);
        }
        let (shard, position) = read_position(
            (self.redrive_stream.as_deref(), "redrive_stream"),
            (self.redrive_shard_id.as_deref(), "redrive_shard_id"),
            (self.redrive_sequence_number.as_deref(), "redrive_sequence_number"),
            (self.redrive_sub_sequence_number, "redrive_sub_sequence_number"),
            (self.redrive_element, "redrive_element"),
        )?;
        Ok(Some(StreamPosition {
            shard,
            position,
            arrived_at_ms: there(self.redrive_arrived_at, "redrive_arrived_at")?,
        }))
    }
}

impl OriginFields<'_> {
    /// The origin; `None` where all fields are absent.
    ///
    /// # Errors
    /// The field that is missing beside others, or that no origin has.
    pub fn read(&self) -> Result<Option<Origin>, NoPosition> {
        if *self == Self::default() {
            return Ok(None);
        }
        let (shard, position) = read_position(
            (self.origin_stream.as_deref(), "origin_stream"),
            (self.origin_shard_id.as_deref(), "origin_shard_id"),
            (self.origin_sequence_number.as_deref(), "origin_sequence_number"),
            (self.origin_sub_sequence_number, "origin_sub_sequence_number"),
            (self.origin_element, "origin_element"),
        )?;
        Ok(Some(Origin { shard, position, index: there(self.origin_index, "origin_index")? }))
    }
}

/// A value that may be missing, and the name of its field.
type Field<T> = (Option<T>, &'static str);

/// The shard and the position that fields hold where none of them may be missing.
fn read_position(
    stream: Field<&str>,
    shard_id: Field<&str>,
    sequence_number: Field<&str>,
    sub_sequence: Field<u32>,
    element: Field<u32>,
) -> Result<(Shard, Position), NoPosition> {
    let digits = there(sequence_number.0, sequence_number.1)?;
    let shard = Shard::new(there(stream.0, stream.1)?, there(shard_id.0, shard_id.1)?);
    let position = Position {
        sequence: sequence(digits, sequence_number.1)?,
        sub_sequence: there(sub_sequence.0, sub_sequence.1)?,
        element: there(element.0, element.1)?,
    };
    Ok((shard, position))
}

fn there<T>(value: Option<T>, field: &'static str) -> Result<T, NoPosition> {
    value.ok_or(NoPosition(field))
}

fn sequence(digits: &str, field: &'static str) -> Result<SequenceNumber, NoPosition> {
    SequenceNumber::parse(digits).map_err(|_| NoPosition(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(shard_id: &str, arrived_at_ms: i64) -> StreamPosition {
        let position =
            Position { sequence: SequenceNumber::parse("495").unwrap(), sub_sequence: 1, element: 2 };
        StreamPosition { shard: Shard::new("events", shard_id), position, arrived_at_ms }
    }

    #[test]
    fn writing_and_reading_are_inverse() {
        let (first, redrive) = (at("a", 1), at("b", 1_291_191_960_120));
        let text = serde_json::to_string(&FirstFields::from(&first)).unwrap();
        let expected = r#"{"stream":"events","shard_id":"a","sequence_number":"495","sub_sequence_number":1,"element":2,"arrived_at":"1970-01-01T00:00:00.001Z"}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<FirstFields<'_>>(&text).unwrap().read(), Ok(first.clone()));
        let in_ms = text.replace(r#""1970-01-01T00:00:00.001Z""#, "1");
        assert_eq!(serde_json::from_str::<FirstFields<'_>>(&in_ms).unwrap().read(), Ok(first));
        for redrive in [None, Some(&redrive)] {
            let text = serde_json::to_string(&RedriveFields::from(redrive)).unwrap();
            let read = serde_json::from_str::<RedriveFields<'_>>(&text).unwrap();
            assert_eq!(read.read().unwrap().as_ref(), redrive);
        }
        let origin = Origin { shard: redrive.shard, position: redrive.position, index: 7 };
        for origin in [None, Some(&origin)] {
            let text = serde_json::to_string(&OriginFields::from(origin)).unwrap();
            let read = serde_json::from_str::<OriginFields<'_>>(&text).unwrap();
            assert_eq!(read.read().unwrap().as_ref(), origin);
        }
    }

    #[test]
    fn half_a_position_is_none() {
        let redrive = at("b", 5);
        let half = RedriveFields { redrive_element: None, ..RedriveFields::from(Some(&redrive)) };
        assert_eq!(half.read(), Err(NoPosition("redrive_element")));
        let half = RedriveFields { redrive_element: Some(0), ..RedriveFields::default() };
        assert_eq!(half.read(), Err(NoPosition("redrive_sequence_number")));
        let first = FirstFields { sequence_number: "05".into(), ..FirstFields::from(&redrive) };
        assert_eq!(first.read(), Err(NoPosition("sequence_number")));
        let half = OriginFields { origin_index: Some(0), ..OriginFields::default() };
        assert_eq!(half.read(), Err(NoPosition("origin_sequence_number")));
    }
}
