//! What a user's state has emitted. Unlike the rest of the state it depends on the order in which events came.

use serde::{Deserialize, Serialize};

use crate::event::{Data, Event};
use crate::fold::{CannotApply, Emit};
use crate::signal::{CART_ABANDONED, REFRESH_REQUESTED, SESSION_CLOSED, STOCK_RETURNED, STOCK_SOLD};
use crate::time::MINUTE_MS;

use super::{Cart, Window};
use crate::contract::{Order, StockMove};

/// What was emitted, the timer that is set, and what waits to be emitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emitted {
    /// The due time of the timer that is set, in epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer_due_at_ms: Option<i64>,
    /// Event time of the last refresh that was requested, in epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_requested_at_ms: Option<i64>,
    /// Whether something has changed since that a recommender would look at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh_waits: bool,
}

/// The data of `cart.abandoned`.
#[derive(Serialize)]
struct AbandonedCart<'a> {
    session_id: &'a str,
    cart: &'a Cart,
}

/// The data of `recommendation.refresh_requested`: a reference to the state, which has what changed.
#[derive(Serialize)]
struct Refresh<'a> {
    user: &'a str,
}

impl Emitted {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Emits what follows from a window that closed; `cart` already includes it.
    pub(super) fn closed(
        window: &Window,
        cart: &Cart,
        user: &str,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        let ended_at_ms = window.last_event_at_ms;
        emit.signal(user, SESSION_CLOSED, ended_at_ms, window)?;
        if window.orders == 0 && !cart.is_empty() {
            let data = AbandonedCart { session_id: &window.id, cart };
            emit.signal(user, CART_ABANDONED, ended_at_ms, &data)?;
        }
        Ok(())
    }

    /// Requests a refresh once something has changed, in a minute of event time in which none was requested.
    pub(super) fn refresh(
        &mut self,
        changed: bool,
        user: &str,
        time_ms: i64,
        emit: &mut Emit<'_>,
    ) -> Result<bool, CannotApply> {
        self.refresh_waits |= changed;
        let minute = |time_ms: i64| time_ms.div_euclid(MINUTE_MS);
        let requested =
            self.refresh_requested_at_ms.is_some_and(|last_ms| minute(last_ms) >= minute(time_ms));
        if !self.refresh_waits || requested {
            return Ok(false);
        }
        (self.refresh_waits, self.refresh_requested_at_ms) = (false, Some(time_ms));
        emit.signal(user, REFRESH_REQUESTED, time_ms, &Refresh { user })?;
        Ok(true)
    }
}

/// Whether a recommender would look at what the event changes.
pub(super) fn concerns_recommender(data: &Data<'_>) -> bool {
    matches!(
        data,
        Data::ProductViewed(_)
            | Data::CartItemAdded(_)
            | Data::CartItemRemoved(_)
            | Data::OrderPlaced(_)
            | Data::OrderReturned(_)
    )
}

/// Emits a move of stock for each of an order's lines, keyed by `store#sku`.
pub(super) fn emit_stock_moves(event: &Event<'_>, emit: &mut Emit<'_>) -> Result<(), CannotApply> {
    let (order, signal_type): (&Order<'_>, _) = match &event.data {
        Data::OrderPlaced(order) => (order, STOCK_SOLD),
        Data::OrderReturned(order) => (order, STOCK_RETURNED),
        _ => return Ok(()),
    };
    order.lines.iter().try_for_each(|line| {
        let moved = StockMove {
            store_id: (&*order.store_id).into(),
            sku: (&*line.sku).into(),
            quantity: line.quantity,
            order_id: (&*order.order_id).into(),
        };
        emit.signal(&format!("{}#{}", order.store_id, line.sku), signal_type, event.time_ms, &moved)
    })
}
