//! Session windows in event time.

use serde::{Deserialize, Serialize};

use super::{CartSums, SessionSettings};
use crate::event::{Data, Event};
use crate::fold::CannotApply;
use crate::money::Sums;

/// One session: events of a user with no more than the gap between neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// `<user>/<start in epoch milliseconds>`. An earlier event moves the start, so the id is final only once
    /// the window is closed.
    pub id: String,
    /// Time of the first event, in epoch milliseconds.
    pub started_at_ms: i64,
    /// Time of the last event, in epoch milliseconds.
    pub last_event_at_ms: i64,
    /// Events in the window.
    pub events: u64,
    /// Looks at products.
    pub views: u64,
    /// Additions to the cart.
    pub cart_adds: u64,
    /// Orders placed.
    pub orders: u64,
    /// Totals of these orders by currency, in minor units.
    pub revenue_minor: Sums,
    /// What the window does to the cart. Kept in an attribute of its own.
    #[serde(skip)]
    pub cart_sums: CartSums,
}

impl Window {
    fn starting_with(event: &Event<'_>) -> Self {
        Self {
            id: String::new(),
            started_at_ms: event.time_ms,
            last_event_at_ms: event.time_ms,
            events: 0,
            views: 0,
            cart_adds: 0,
            orders: 0,
            revenue_minor: Sums::default(),
            cart_sums: CartSums::default(),
        }
    }

    /// Counts an event that belongs to this window.
    ///
    /// # Errors
    /// When a sum would overflow.
    pub fn add(&mut self, event: &Event<'_>) -> Result<(), CannotApply> {
        if event.time_ms < self.started_at_ms || self.id.is_empty() {
            self.started_at_ms = self.started_at_ms.min(event.time_ms);
            self.id = format!("{}/{}", event.subject, self.started_at_ms);
        }
        self.last_event_at_ms = self.last_event_at_ms.max(event.time_ms);
        self.events += 1;
        match &event.data {
            Data::ProductViewed(_) => self.views += 1,
            Data::CartItemAdded(_) => self.cart_adds += 1,
            Data::OrderPlaced(order) => {
                self.orders += 1;
                self.revenue_minor.add(order.currency, order.total_minor)?;
            }
            _ => {}
        }
        self.cart_sums.add(event)
    }

    /// The earliest event time that closes the window, in epoch milliseconds.
    pub fn closes_at_ms(&self, settings: &SessionSettings) -> i64 {
        settings.closes_at_ms(self.last_event_at_ms)
    }

    /// Takes over a later window.
    fn merge(&mut self, other: &Self) -> Result<(), CannotApply> {
        self.last_event_at_ms = self.last_event_at_ms.max(other.last_event_at_ms);
        self.events += other.events;
        self.views += other.views;
        self.cart_adds += other.cart_adds;
        self.orders += other.orders;
        self.revenue_minor.add_all(&other.revenue_minor)?;
        self.cart_sums.add_all(&other.cart_sums)
    }
}

/// The open windows of one user, oldest first, further apart than the gap. With a lateness of at most the gap
/// there are never more than two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(pub(super) Vec<Window>);

impl Windows {
    /// The windows, oldest first.
    pub fn open(&self) -> &[Window] {
        &self.0
    }

    /// The window that the event belongs to, merged from two or opened if need be; the event itself is not yet
    /// counted. `None` when the window that it belonged to is closed, or would begin with it and be.
    ///
    /// # Errors
    /// When merging two windows would overflow a sum.
    pub fn touch(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &SessionSettings,
    ) -> Result<Option<&mut Window>, CannotApply> {
        let at_ms = event.time_ms;
        let first =
            self.0.partition_point(|window| window.last_event_at_ms.saturating_add(settings.gap_ms) < at_ms);
        let end =
            self.0.partition_point(|window| window.started_at_ms.saturating_sub(settings.gap_ms) <= at_ms);
        // A window never begins where one may have closed: it would close under the same id.
        let begins =
            self.0.get(first).filter(|_| first < end).is_none_or(|window| at_ms < window.started_at_ms);
        if begins && is_closed(at_ms, largest_event_time_ms, settings) {
            return Ok(None);
        }
        if first >= end {
            self.0.insert(first, Window::starting_with(event));
        }
        for _ in first + 1..end {
            let merged = self.0.remove(first + 1);
            if let Some(window) = self.0.get_mut(first) {
                window.merge(&merged)?;
            }
        }
        Ok(self.0.get_mut(first))
    }

    /// Takes out the windows that the event time has passed, oldest first.
    pub fn close(
        &mut self,
        largest_event_time_ms: i64,
        settings: &SessionSettings,
    ) -> impl Iterator<Item = Window> + use<> {
        let passed = self
            .0
            .partition_point(|window| is_closed(window.last_event_at_ms, largest_event_time_ms, settings));
        self.0.drain(..passed).collect::<Vec<_>>().into_iter()
    }
}

/// A window is closed when the largest event time less the lateness passes its end plus the gap.
fn is_closed(end_ms: i64, largest_event_time_ms: i64, settings: &SessionSettings) -> bool {
    largest_event_time_ms.saturating_sub(settings.lateness_ms) > end_ms.saturating_add(settings.gap_ms)
}
