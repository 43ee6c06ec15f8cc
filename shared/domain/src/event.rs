//! One event of the shop, typed, borrowing from the bytes that it came in.

use std::borrow::Cow;

use crate::contract::{CartChange, Order, Payment, ProductView, StockCount, StockMove, StockReceipt};
use crate::identity::{identity_hash, payload_hash};
use crate::signal::Origin;
use crate::timer::TimerDue;

/// A CloudEvents 1.0 event that keeps the contract of its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Identity, together with `source`.
    pub id: Cow<'a, str>,
    /// Who made it.
    pub source: Cow<'a, str>,
    /// Its type as written, such as `order.placed`.
    pub event_type: Cow<'a, str>,
    /// The key: a user, or `store#sku`. Equals the partition key.
    pub subject: Cow<'a, str>,
    /// Event time in epoch milliseconds.
    pub time_ms: i64,
    /// The schema that `data` keeps, where the producer names one.
    pub data_schema: Option<Cow<'a, str>>,
    /// The typed data.
    pub data: Data<'a>,
    /// The JSON text of the data as it came, or as `data_base64` held it; empty when there is none.
    pub raw_data: Cow<'a, str>,
    /// What caused it, where it says so. To be believed on the stream of signals only.
    pub origin: Option<Box<Origin>>,
}

/// The data of an event, by type.
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    /// `product.viewed`
    ProductViewed(ProductView<'a>),
    /// `cart.item_added`
    CartItemAdded(CartChange<'a>),
    /// `cart.item_removed`
    CartItemRemoved(CartChange<'a>),
    /// `order.placed`
    OrderPlaced(Order<'a>),
    /// `order.returned`
    OrderReturned(Order<'a>),
    /// `payment.authorized`
    PaymentAuthorized(Payment<'a>),
    /// `payment.failed`
    PaymentFailed(Payment<'a>),
    /// `user.logged_in`
    UserLoggedIn,
    /// `user.logged_out`
    UserLoggedOut,
    /// `stock.received`
    StockReceived(StockReceipt<'a>),
    /// `stock.counted`
    StockCounted(StockCount<'a>),
    /// `timer.due`
    TimerDue(TimerDue),
    /// `stock.sold`
    StockSold(StockMove<'a>),
    /// `stock.returned`
    StockReturned(StockMove<'a>),
    /// Another signal of ours; its data is not looked into.
    Signal,
    /// A type that this release does not know; its data is not looked into.
    Unknown,
}

/// How long an event may be repeated or come late before it is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Orders, returns and payments: late and rare, and must count.
    Money,
    /// Everything else.
    Activity,
}

impl Class {
    /// Both classes, in the order in which the ledger keeps them.
    pub const ALL: [Self; 2] = [Self::Money, Self::Activity];
}

impl Event<'_> {
    /// The hash of `source` and `id`.
    pub fn identity(&self) -> u64 {
        identity_hash(&self.source, &self.id)
    }

    /// The hash of type, time and data.
    pub fn payload(&self) -> u32 {
        payload_hash(&self.event_type, self.time_ms, &self.raw_data)
    }

    /// The class that decides this event's dedup window.
    pub fn class(&self) -> Class {
        match self.data {
            Data::OrderPlaced(_)
            | Data::OrderReturned(_)
            | Data::PaymentAuthorized(_)
            | Data::PaymentFailed(_) => Class::Money,
            Data::ProductViewed(_)
            | Data::CartItemAdded(_)
            | Data::CartItemRemoved(_)
            | Data::UserLoggedIn
            | Data::UserLoggedOut
            | Data::StockReceived(_)
            | Data::StockCounted(_)
            | Data::TimerDue(_)
            | Data::StockSold(_)
            | Data::StockReturned(_)
            | Data::Signal
            | Data::Unknown => Class::Activity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_and_payload_are_told_by_their_own_fields() {
        let event = |id: &str, data: &str| {
            let text = format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"a.b","subject":"u","time":"1970-01-01T00:00:00.005Z","data":{data}}}"#
            );
            let event = crate::envelope::read_event(&text).unwrap();
            (event.identity(), event.payload())
        };
        assert_eq!(event("e", "1"), (identity_hash("s", "e"), payload_hash("a.b", 5, "1")));
        assert_eq!(event("f", "2"), (identity_hash("s", "f"), payload_hash("a.b", 5, "2")));
    }
}
