//! What is kept for each user: lifetime totals, open session windows, cart and recent products.

mod cart;
mod item;
mod lifetime;
mod recent_products;
mod window;

use serde::{Deserialize, Serialize};

pub use cart::{CART_LIMIT_SKUS, Cart, CartSums};
pub use item::SessionItem;
pub use lifetime::Lifetime;
pub use recent_products::{RECENT_LIMIT_PRODUCTS, RecentProduct, RecentProducts};
pub use window::{Window, Windows};

use crate::event::{Data, Event};
use crate::fold::{CannotApply, Emit, KeyState};
use crate::money::SumOverflow;
use crate::time::MINUTE_MS;

/// How event time is cut into sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Events at most this far apart belong to one session, in milliseconds.
    pub gap_ms: i64,
    /// How long a window waits for events that come out of order, in milliseconds; never above the gap.
    pub lateness_ms: i64,
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
}

impl From<SumOverflow> for CannotApply {
    fn from(overflow: SumOverflow) -> Self {
        Self { why: overflow.to_string() }
    }
}

impl KeyState for SessionState {
    type Settings = SessionSettings;

    const ATTRIBUTES: &'static [&'static str] = SessionItem::ATTRIBUTES;

    fn handles(data: &Data<'_>) -> bool {
        !matches!(data, Data::StockReceived(_) | Data::StockCounted(_) | Data::Unknown)
    }

    /// Lifetime totals take every event; windows, and with them the cart, take what is not too old for them.
    fn apply(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &SessionSettings,
        _emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        self.lifetime.add(event)?;
        if let Data::ProductViewed(view) = &event.data {
            self.recent_products.add(&view.sku, event.time_ms);
        }
        if let Some(window) = self.windows.touch(event, largest_event_time_ms, settings)? {
            window.add(event)?;
        }
        for closed in self.windows.close(largest_event_time_ms, settings) {
            self.cart.settle(&closed.cart_sums);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
