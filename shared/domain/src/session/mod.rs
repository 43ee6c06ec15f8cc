//! What is kept for each user: lifetime totals, open session windows, cart and recent products.

mod cart;
mod emitted;
mod item;
mod lifetime;
mod open;
mod recent_products;
mod window;

use serde::{Deserialize, Serialize};

pub use cart::{CART_LIMIT_SKUS, Cart, CartSums};
pub use emitted::Emitted;
use emitted::{concerns_recommender, emit_stock_moves};
pub use item::SessionItem;
pub use lifetime::Lifetime;
pub use open::OpenSession;
pub use recent_products::{RECENT_LIMIT_PRODUCTS, RecentProduct, RecentProducts};
pub use window::{Window, Windows};

use crate::event::{Data, Event};
use crate::fold::{CannotApply, Emit, KeyState};
use crate::money::SumOverflow;
use crate::time::MINUTE_MS;
use crate::timer::TimerDue;

/// How event time is split into sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Events at most this far apart belong to one session, in milliseconds.
    pub gap_ms: i64,
    /// How long a window waits for events that come out of order, in milliseconds; never above the gap.
    pub lateness_ms: i64,
}

impl SessionSettings {
    /// The earliest event time that closes a window whose last event is this one, both in epoch milliseconds.
    pub fn closes_at_ms(&self, last_event_at_ms: i64) -> i64 {
        last_event_at_ms.saturating_add(self.gap_ms).saturating_add(self.lateness_ms).saturating_add(1)
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { gap_ms: 30 * MINUTE_MS, lateness_ms: 10 * MINUTE_MS }
    }
}

/// The state of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SessionItem", into = "SessionItem")]
pub struct SessionState {
    /// Totals over all time.
    pub lifetime: Lifetime,
    /// The windows that are still open.
    pub windows: Windows,
    /// What closed windows left in the cart.
    pub cart: Cart,
    /// The products looked at last.
    pub recent_products: RecentProducts,
    /// What was emitted, and what waits to be.
    pub emitted: Emitted,
}

impl From<SumOverflow> for CannotApply {
    fn from(overflow: SumOverflow) -> Self {
        Self { why: overflow.to_string() }
    }
}

impl KeyState for SessionState {
    type Settings = SessionSettings;

    const ATTRIBUTES: &'static [&'static str] = SessionItem::ATTRIBUTES;

    const EMITS_LATE: bool = true;

    fn handles(data: &Data<'_>) -> bool {
        !matches!(
            data,
            Data::StockReceived(_)
                | Data::StockCounted(_)
                | Data::StockSold(_)
                | Data::StockReturned(_)
                | Data::Signal
                | Data::Unknown
        )
    }

    /// Lifetime totals take every event; windows, and with them the cart, take what is not too old for them.
    fn apply(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &SessionSettings,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        // First, so that their ids follow from the event alone: receivers know by them what is emitted again from
        // another state.
        emit_stock_moves(event, emit)?;
        self.lifetime.add(event)?;
        if let Data::ProductViewed(view) = &event.data {
            self.recent_products.add(&view.sku, event.time_ms);
        }
        if let Some(window) = self.windows.touch(event, largest_event_time_ms, settings)? {
            window.add(event)?;
        }
        self.close(&event.subject, largest_event_time_ms, settings, emit)?;
        self.emitted.refresh(concerns_recommender(&event.data), &event.subject, event.time_ms, emit)?;
        self.set_timer(settings, emit);
        Ok(())
    }

    /// The later of the timer that is set and the moment at which the earliest window closes: a sweep wakes windows whose
    /// timer is gone.
    fn wakes_until_ms(&self, settings: &SessionSettings) -> Option<i64> {
        let closes_at_ms = self.windows.open().first().map(|window| window.closes_at_ms(settings));
        self.emitted.timer_due_at_ms.max(closes_at_ms)
    }

    /// Closes the windows that event time has passed, and sets the next timer while one stays open.
    fn wake(
        &mut self,
        timer: TimerDue,
        largest_event_time_ms: i64,
        settings: &SessionSettings,
        emit: &mut Emit<'_>,
    ) -> Result<bool, CannotApply> {
        let user = emit.subject();
        // An earlier timer than the one that is set comes from a repeat of what set it.
        let rang = self.emitted.timer_due_at_ms.is_some_and(|set_ms| set_ms <= timer.due_at_ms);
        if rang {
            self.emitted.timer_due_at_ms = None;
        }
        let closed = self.close(user, largest_event_time_ms, settings, emit)?;
        // A timer that rings again emits nothing: it would be under the ids of what it emitted the first time.
        let refreshed = (rang || closed) && self.emitted.refresh(false, user, largest_event_time_ms, emit)?;
        Ok(self.set_timer(settings, emit) || rang || closed || refreshed)
    }
}

impl SessionState {
    /// Closes the windows that event time has passed. Whether there were any.
    fn close(
        &mut self,
        user: &str,
        largest_event_time_ms: i64,
        settings: &SessionSettings,
        emit: &mut Emit<'_>,
    ) -> Result<bool, CannotApply> {
        let mut any = false;
        for window in self.windows.close(largest_event_time_ms, settings) {
            self.cart.settle(&window.cart_sums);
            Emitted::closed(&window, &self.cart, user, emit)?;
            any = true;
        }
        Ok(any)
    }

    /// Sets a timer for the window that closes next, unless one is set. Whether it did.
    fn set_timer(&mut self, settings: &SessionSettings, emit: &mut Emit<'_>) -> bool {
        match (self.emitted.timer_due_at_ms, self.windows.open().first()) {
            (None, Some(window)) => {
                let due_at_ms = window.closes_at_ms(settings);
                self.emitted.timer_due_at_ms = Some(due_at_ms);
                emit.timer(due_at_ms);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
