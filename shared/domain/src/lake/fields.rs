//! The columns of the contracts: what an event's data holds, under the names that the contracts give it.

use serde::Serialize;

use crate::contract::{CartChange, Order, OrderLine, Payment};
use crate::event::Data;

/// The columns that one event fills; the others stay empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lines: Option<&'a [OrderLine<'a>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_hand: Option<i64>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(data: &'a Data<'_>) -> Self {
        match data {
            Data::ProductViewed(view) => Self { sku: Some(&view.sku), ..Self::default() },
            Data::CartItemAdded(change) | Data::CartItemRemoved(change) => Self::of_cart(change),
            Data::OrderPlaced(order) | Data::OrderReturned(order) => Self::of_order(order),
            Data::PaymentAuthorized(payment) | Data::PaymentFailed(payment) => Self::of_payment(payment),
            Data::StockSold(moved) | Data::StockReturned(moved) => Self {
                store_id: Some(&moved.store_id),
                sku: Some(&moved.sku),
                quantity: Some(moved.quantity),
                order_id: Some(&moved.order_id),
                ..Self::default()
            },
            Data::StockReceived(receipt) => Self {
                store_id: Some(&receipt.store_id),
                sku: Some(&receipt.sku),
                quantity: Some(receipt.quantity),
                ..Self::default()
            },
            Data::StockCounted(count) => Self {
                store_id: Some(&count.store_id),
                sku: Some(&count.sku),
                on_hand: Some(count.on_hand),
                ..Self::default()
            },
            Data::UserLoggedIn | Data::UserLoggedOut | Data::TimerDue(_) | Data::Signal | Data::Unknown => {
                Self::default()
            }
        }
    }

    fn of_cart(change: &'a CartChange<'_>) -> Self {
        Self { sku: Some(&change.sku), quantity: Some(change.quantity), ..Self::default() }
    }

    fn of_order(order: &'a Order<'_>) -> Self {
        Self {
            order_id: Some(&order.order_id),
            currency: Some(order.currency.code()),
            total_minor: Some(order.total_minor),
            lines: Some(&order.lines),
            store_id: Some(&order.store_id),
            ..Self::default()
        }
    }

    fn of_payment(payment: &'a Payment<'_>) -> Self {
        Self {
            order_id: Some(&payment.order_id),
            amount_minor: Some(payment.amount_minor),
            currency: Some(payment.currency.code()),
            reason: payment.reason.as_deref(),
            ..Self::default()
        }
    }
}
