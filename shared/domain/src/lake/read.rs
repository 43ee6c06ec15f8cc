//! A row of the lake as the event that it was, and where it stood: the inverse of writing it.

use super::Row;
use super::row::{Delivered, UNKNOWN_TYPE};
use crate::contract;
use crate::event::{Data, Event};
use crate::position_fields::NoPosition;

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub struct Archived<'a> {
    /// The event; of a row that only says that one was brought back, without its data.
    pub event: Event<'a>,
    /// Where it was read.
    pub delivered: Delivered,
    /// The only function that it was brought back for.
    pub target_function: Option<&'a str>,
}

/// A row that no event has.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RowUnreadable {
    /// A position that is none.
    #[error(transparent)]
    Position(#[from] NoPosition),
}

impl Row<'_> {
    /// Reads the event back.
    ///
    /// # Errors
    /// When a position is none that a row was written of.
    pub fn read(&self) -> Result<Archived<'_>, RowUnreadable> {
        let raw_data = self.data.as_deref();
        let event = Event {
            id: self.id.as_ref().into(),
            source: self.source.as_ref().into(),
            event_type: self.type_name.as_ref().into(),
            subject: self.subject.as_ref().into(),
            time_ms: self.time,
            data_schema: self.dataschema.as_deref().map(Into::into),
            data: match self.target_function {
                // The row of the event itself has its data.
                Some(_) => Data::Unknown,
                // Files of the lake name the partition in their path alone. A row was written of data that held its
                // contract, so data that breaks it had none.
                None if self.event_type == UNKNOWN_TYPE => Data::Unknown,
                None => contract::read_data(&self.type_name, raw_data).unwrap_or(Data::Unknown),
            },
            raw_data: raw_data.unwrap_or_default().into(),
            origin: self.origin.read()?.map(Box::new),
        };
        let of_signals = event.origin.is_some();
        let delivered = Delivered { first: self.first.read()?, redrive: self.redrive.read()?, of_signals };
        Ok(Archived { event, delivered, target_function: self.target_function.as_deref() })
    }
}
