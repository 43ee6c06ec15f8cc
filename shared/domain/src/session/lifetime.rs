//! Totals of one user over all time.

use serde::{Deserialize, Serialize};

use crate::event::{Data, Event};
use crate::money::{SumOverflow, Sums};

/// Sums, a minimum and a maximum: none of them depends on the order of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// Events applied.
    pub events: u64,
    /// Orders placed.
    pub orders: u64,
    /// Orders returned, in whole or in part.
    pub returns: u64,
    /// Totals of the orders by currency, in minor units.
    pub revenue_minor: Sums,
    /// Totals of the returns by currency, in minor units.
    pub refunded_minor: Sums,
    /// The earliest event time, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_event_at_ms: Option<i64>,
    /// The latest event time, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_event_at_ms: Option<i64>,
}

impl Lifetime {
    /// Counts an event.
    ///
    /// # Errors
    /// When a sum of money would overflow.
    pub fn add(&mut self, event: &Event<'_>) -> Result<(), SumOverflow> {
        match &event.data {
            Data::OrderPlaced(order) => {
                self.revenue_minor.add(order.currency, order.total_minor)?;
                self.orders += 1;
            }
            Data::OrderReturned(order) => {
                self.refunded_minor.add(order.currency, order.total_minor)?;
                self.returns += 1;
            }
            _ => {}
        }
        self.events += 1;
        let at_ms = event.time_ms;
        self.first_event_at_ms = Some(self.first_event_at_ms.map_or(at_ms, |first| first.min(at_ms)));
        self.last_event_at_ms = Some(self.last_event_at_ms.map_or(at_ms, |last| last.max(at_ms)));
        Ok(())
    }
}
