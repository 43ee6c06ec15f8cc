//! The session state as attributes that other programs read.

use serde::{Deserialize, Serialize};

use super::{Cart, CartSums, Emitted, Lifetime, RecentProducts, SessionState, Window, Windows};

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
    pub earlier_sessions: Vec<Window>,
    /// Quantity by sku, positive ones only: what the cart holds if the open windows closed now.
    #[serde(default)]
    pub cart: Cart,
    /// The products looked at last, newest first.
    #[serde(default)]
    pub recent_products: RecentProducts,
    /// What the cart is computed from.
    #[serde(default, skip_serializing_if = "CartBasis::is_empty")]
    pub cart_basis: CartBasis,
    /// What was emitted, and what waits to be.
    #[serde(default, skip_serializing_if = "Emitted::is_empty")]
    pub emitted: Emitted,
}

/// What the cart is computed from, as far as the cart itself does not tell: the sums of each open window in the
/// order of `earlier_sessions` and `session`, and what closed windows had left of the skus where the two differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartBasis {
    /// Left by closed windows, of skus that open windows touch.
    #[serde(default, skip_serializing_if = "Cart::is_empty")]
    pub closed: Cart,
    /// Signed sums of the open windows, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<CartSums>,
}

impl CartBasis {
    /// An item has both a cart and its basis; what follows from the cart is not stored twice.
    fn of(closed: &Cart, cart: &Cart, open: Vec<CartSums>) -> Self {
        let touched = |sku: &str| open.iter().any(|sums| sums.touches(sku));
        let differs = |sku: &str, quantity| touched(sku) || cart.quantities().get(sku) != Some(&quantity);
        Self { closed: closed.only(differs), open }
    }

    /// What closed windows had left in the cart.
    fn closed_cart(&self, cart: &Cart) -> Cart {
        let is_closed = |sku: &str| self.closed.quantities().contains_key(sku);
        let touched = |sku: &str| self.open.iter().any(|sums| sums.touches(sku));
        let mut closed = cart.only(|sku, _| !is_closed(sku) && !touched(sku));
        closed.put_all(&self.closed);
        closed
    }

    fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.open.iter().all(|sums| *sums == CartSums::default())
    }
}

impl SessionItem {
    pub(super) const ATTRIBUTES: &'static [&'static str] =
        &["lifetime", "session", "earlier_sessions", "cart", "recent_products", "cart_basis", "emitted"];
}

impl From<SessionState> for SessionItem {
    fn from(state: SessionState) -> Self {
        let open: Vec<_> = state.windows.open().iter().map(|window| window.cart_sums.clone()).collect();
        let mut earlier = state.windows.0;
        let session = earlier.pop();
        let cart = state.cart.settled(&open);
        Self {
            lifetime: state.lifetime,
            session,
            earlier_sessions: earlier,
            recent_products: state.recent_products,
            cart_basis: CartBasis::of(&state.cart, &cart, open),
            cart,
            emitted: state.emitted,
        }
    }
}

impl From<SessionItem> for SessionState {
    fn from(item: SessionItem) -> Self {
        let cart = item.cart_basis.closed_cart(&item.cart);
        let mut windows: Vec<_> = item.earlier_sessions.into_iter().chain(item.session).collect();
        for (window, sums) in windows.iter_mut().zip(item.cart_basis.open) {
            window.cart_sums = sums;
        }
        Self {
            lifetime: item.lifetime,
            windows: Windows(windows),
            cart,
            recent_products: item.recent_products,
            emitted: item.emitted,
        }
    }
}
