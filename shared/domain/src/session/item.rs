//! The session state as attributes that other programs read.

use serde::{Deserialize, Serialize};

use super::{Cart, CartSums, Lifetime, RecentProducts, SessionState, Window, Windows};

/// The plain attributes of a user's item, beside `key`, `version` and `ledger`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionItem {
    /// Totals over all time.
    pub lifetime: Lifetime,
    /// The newest open window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Window>,
    /// Windows that are still open before it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Window>,
    /// Quantity by sku, positive ones only: what the cart holds if the open windows closed now. Derived, so it
    /// is written and never read back.
    #[serde(default)]
    pub cart: Cart,
    /// The products looked at last, newest first.
    #[serde(default)]
    pub recent_products: RecentProducts,
    /// What the cart is computed from.
    #[serde(default, skip_serializing_if = "CartBasis::is_empty")]
    pub cart_basis: CartBasis,
}

/// What the cart is computed from: quantities settled by closed windows, and the sums of each open window in
/// the order of `earlier` and `session`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartBasis {
    /// Left by closed windows.
    #[serde(default)]
    pub settled: Cart,
    /// Signed sums of the open windows, oldest first.
    #[serde(default)]
    pub open: Vec<CartSums>,
}

impl CartBasis {
    fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.open.iter().all(|sums| *sums == CartSums::default())
    }
}

impl SessionItem {
    pub(super) const ATTRIBUTES: &'static [&'static str] =
        &["lifetime", "session", "earlier", "cart", "recent_products", "cart_basis"];
}

impl From<SessionState> for SessionItem {
    fn from(state: SessionState) -> Self {
        let open: Vec<_> = state.windows.open().iter().map(|window| window.cart_sums.clone()).collect();
        let mut earlier = state.windows.0;
        let session = earlier.pop();
        Self {
            lifetime: state.lifetime,
            session,
            earlier,
            cart: state.cart.settled(&open),
            recent_products: state.recent_products,
            cart_basis: CartBasis { settled: state.cart, open },
        }
    }
}

impl From<SessionItem> for SessionState {
    fn from(item: SessionItem) -> Self {
        let mut windows: Vec<_> = item.earlier.into_iter().chain(item.session).collect();
        for (window, sums) in windows.iter_mut().zip(item.cart_basis.open) {
            window.cart_sums = sums;
        }
        Self {
            lifetime: item.lifetime,
            windows: Windows(windows),
            cart: item.cart_basis.settled,
            recent_products: item.recent_products,
        }
    }
}
