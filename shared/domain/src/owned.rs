//! Data that outlives the text it was read from: what `data_base64` holds has no place in the event's own text.

use std::borrow::Cow;

use crate::contract::{
    CartChange, Order, OrderLine, Payment, ProductView, StockCount, StockMove, StockReceipt,
};
use crate::event::Data;

type Text = Cow<'static, str>;

impl Data<'_> {
    /// The same, holding its texts.
    pub(crate) fn into_owned(self) -> Data<'static> {
        match self {
            Self::ProductViewed(view) => Data::ProductViewed(ProductView { sku: owned(view.sku) }),
            Self::CartItemAdded(change) => Data::CartItemAdded(cart_change(change)),
            Self::CartItemRemoved(change) => Data::CartItemRemoved(cart_change(change)),
            Self::OrderPlaced(order) => Data::OrderPlaced(self::order(order)),
            Self::OrderReturned(order) => Data::OrderReturned(self::order(order)),
            Self::PaymentAuthorized(payment) => Data::PaymentAuthorized(self::payment(payment)),
            Self::PaymentFailed(payment) => Data::PaymentFailed(self::payment(payment)),
            Self::UserLoggedIn => Data::UserLoggedIn,
            Self::UserLoggedOut => Data::UserLoggedOut,
            Self::StockReceived(StockReceipt { store_id, sku, quantity }) => {
                Data::StockReceived(StockReceipt { store_id: owned(store_id), sku: owned(sku), quantity })
            }
            Self::StockCounted(StockCount { store_id, sku, on_hand }) => {
                Data::StockCounted(StockCount { store_id: owned(store_id), sku: owned(sku), on_hand })
            }
            Self::TimerDue(timer) => Data::TimerDue(timer),
            Self::StockSold(moved) => Data::StockSold(stock_move(moved)),
            Self::StockReturned(moved) => Data::StockReturned(stock_move(moved)),
            Self::Signal => Data::Signal,
            Self::Unknown => Data::Unknown,
        }
    }
}

fn owned(text: Cow<'_, str>) -> Text {
    Cow::Owned(text.into_owned())
}

fn cart_change(CartChange { sku, quantity }: CartChange<'_>) -> CartChange<'static> {
    CartChange { sku: owned(sku), quantity }
}

fn order(order: Order<'_>) -> Order<'static> {
    let line = |OrderLine { sku, quantity, unit_price_minor }| OrderLine {
        sku: owned(sku),
        quantity,
        unit_price_minor,
    };
    Order {
        order_id: owned(order.order_id),
        currency: order.currency,
        total_minor: order.total_minor,
        lines: order.lines.into_iter().map(line).collect(),
        store_id: owned(order.store_id),
    }
}

fn payment(payment: Payment<'_>) -> Payment<'static> {
    Payment {
        order_id: owned(payment.order_id),
        amount_minor: payment.amount_minor,
        currency: payment.currency,
        reason: payment.reason.map(owned),
    }
}

fn stock_move(moved: StockMove<'_>) -> StockMove<'static> {
    StockMove {
        store_id: owned(moved.store_id),
        sku: owned(moved.sku),
        quantity: moved.quantity,
        order_id: owned(moved.order_id),
    }
}
