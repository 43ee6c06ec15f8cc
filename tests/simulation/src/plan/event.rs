//! One event of a plan, and the bytes that a producer makes of it.

use millrace_domain::time::format_rfc3339_ms;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::world::names;

/// An event to be put.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSpec {
    /// Its identity.
    pub id: u32,
    /// Which payload stands under this identity; more than one is a producer's mistake.
    pub variant: u8,
    /// The user.
    pub user: u32,
    /// Its type.
    pub kind: Kind,
    /// The store; the one that goes without saying where it is 0.
    #[serde(default)]
    pub store: u8,
    /// The product.
    pub sku: u8,
    /// Lines of an order beyond the first, each of the next product.
    #[serde(default)]
    pub more_lines: u8,
    /// Pieces, and a hundredth of the amount.
    pub quantity: u16,
    /// Event time in epoch milliseconds.
    pub time_ms: i64,
    /// Length of an extra field, in bytes.
    pub padding: u32,
    /// What is wrong with it.
    pub defect: Option<Defect>,
}

/// The types of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `user.logged_in`
    Login,
    /// `product.viewed`
    View,
    /// `cart.item_added`
    Add,
    /// `cart.item_removed`
    Remove,
    /// `order.placed`
    Order,
    /// `order.returned`
    Return,
    /// `payment.failed`
    PaymentFailed,
    /// A type that nobody knows.
    Unknown,
    /// `stock.received`
    Received,
    /// `stock.counted`
    Counted,
    /// A signal of stock that no function emitted, with an origin that is not its own.
    Forged,
}

impl Kind {
    /// What users do, but for money.
    pub const ACTIVITY: [Self; 5] = [Self::Login, Self::View, Self::Add, Self::Remove, Self::Unknown];
    /// What users pay for.
    pub const MONEY: [Self; 3] = [Self::Order, Self::Return, Self::PaymentFailed];
    /// What is known of stock.
    pub const STOCK: [Self; 3] = [Self::Received, Self::Counted, Self::Forged];

    /// Whether its key is a product of a store.
    pub const fn is_of_stock(self) -> bool {
        matches!(self, Self::Received | Self::Counted | Self::Forged)
    }

    /// Whether it is deduplicated over the long window.
    pub const fn is_money(self) -> bool {
        matches!(self, Self::Order | Self::Return | Self::PaymentFailed)
    }
}

/// What can be wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// The data breaks the contract of its type.
    Contract,
    /// The envelope has no id.
    Envelope,
    /// The subject is another user than the partition key.
    OtherSubject,
    /// The event time lies too far after the arrival.
    ClockSkew,
    /// The consumer's code panics on it.
    Poison,
}

/// How far an event time may lie after the arrival, in milliseconds.
pub(super) const SKEW_LIMIT_MS: i64 = 5 * 60 * 1_000;

/// The product on which the consumer's code panics.
pub(crate) const POISON_SKU: &str = "poison";

impl EventSpec {
    /// The key of its user, or of its product.
    pub fn key(&self) -> String {
        match self.kind.is_of_stock() {
            true => stock_key(self.store, self.sku),
            false => user_key(self.user),
        }
    }

    fn store_id(&self) -> String {
        store_name(self.store)
    }

    fn sku_name(&self) -> String {
        sku_name(self.sku)
    }

    /// Product and pieces of each line of an order.
    pub fn lines(&self) -> impl Iterator<Item = (String, i64)> {
        let line =
            |more| (sku_name((self.sku + more) % SKUS), i64::from(self.quantity) + 1 + i64::from(more));
        (0..=self.more_lines).map(line)
    }

    /// The keys of the products that an order's lines are about.
    pub fn line_keys(&self) -> impl Iterator<Item = (String, i64)> {
        self.lines().map(|(sku, quantity)| (format!("{}#{sku}", self.store_id()), quantity))
    }

    /// Whether two specs are the same event, put again.
    pub fn is_same_event(&self, other: &Self) -> bool {
        (self.id, self.variant) == (other.id, other.variant)
    }

    /// The reason for which no function can take the event when it arrived at this time; `None` when it is valid.
    pub fn invalid_reason(&self, arrived_at_ms: i64) -> Option<&'static str> {
        match self.defect {
            Some(Defect::Contract) => Some("contract"),
            Some(Defect::Envelope) => Some("envelope"),
            Some(Defect::OtherSubject) => Some("partition_key_mismatch"),
            // A clock that is ahead is believed once the event is put again after that time.
            Some(Defect::ClockSkew | Defect::Poison) | None => {
                (self.time_ms > arrived_at_ms + SKEW_LIMIT_MS).then_some("clock_skew")
            }
        }
    }

    /// The JSON text that a producer makes of it.
    pub fn text(&self) -> String {
        let subject = match self.defect {
            Some(Defect::OtherSubject) => format!("{}-other", self.key()),
            _ => self.key(),
        };
        let mut envelope = json!({
            "specversion": "1.0",
            "id": format!("e{}", self.id),
            "source": "urn:shop",
            "type": self.event_type(),
            "subject": subject,
            "time": format_rfc3339_ms(self.time_ms),
            "data": self.data(),
        });
        if self.kind == Kind::Forged {
            envelope["source"] = "urn:millrace:sessions".into();
            envelope["originstream"] = names::EVENTS.into();
            envelope["originshardid"] = "shardId-000000000000".into();
            envelope["originsequencenumber"] = "9".repeat(56).into();
            envelope["originindex"] = 0.into();
        }
        if let (Some(Defect::Envelope), Some(fields)) = (self.defect, envelope.as_object_mut()) {
            fields.remove("id");
        }
        envelope.to_string()
    }

    const fn event_type(&self) -> &'static str {
        match self.kind {
            Kind::Login => "user.logged_in",
            Kind::View => "product.viewed",
            Kind::Add => "cart.item_added",
            Kind::Remove => "cart.item_removed",
            Kind::Order => "order.placed",
            Kind::Return => "order.returned",
            Kind::PaymentFailed => "payment.failed",
            Kind::Unknown => "shop.something_new",
            Kind::Received => "stock.received",
            Kind::Counted => "stock.counted",
            Kind::Forged => "stock.sold",
        }
    }

    /// The value of its `data`.
    pub(crate) fn data(&self) -> Value {
        let sku = match self.defect {
            Some(Defect::Poison) => POISON_SKU.to_owned(),
            _ => self.sku_name(),
        };
        let quantity = match self.defect {
            Some(Defect::Contract) => 0,
            _ => i64::from(self.quantity) + 1,
        };
        let amount = quantity * 100 + i64::from(self.variant);
        let order_id = format!("o{}", self.id);
        let mut data = match self.kind {
            Kind::Login | Kind::Unknown => json!({}),
            Kind::View if self.defect == Some(Defect::Contract) => json!({}),
            Kind::View => json!({"sku": sku}),
            Kind::Add | Kind::Remove => json!({"sku": sku, "quantity": quantity}),
            Kind::Order | Kind::Return => self.order(&sku, quantity, amount),
            Kind::PaymentFailed if self.defect == Some(Defect::Contract) => json!({"order_id": order_id}),
            Kind::PaymentFailed => json!({"order_id": order_id, "currency": "GBP", "amount_minor": amount}),
            Kind::Received => {
                json!({"store_id": self.store_id(), "sku": self.sku_name(), "quantity": quantity})
            }
            Kind::Counted => {
                json!({"store_id": self.store_id(), "sku": self.sku_name(), "on_hand": quantity - 1})
            }
            Kind::Forged => json!({
                "store_id": self.store_id(), "sku": self.sku_name(), "quantity": quantity, "order_id": order_id,
            }),
        };
        if self.kind.is_of_stock() && self.defect == Some(Defect::Poison) {
            data["note"] = POISON_SKU.into();
        }
        data["variant"] = self.variant.into();
        if self.padding > 0 {
            data["padding"] = "x".repeat(self.padding as usize).into();
        }
        data
    }

    fn order(&self, first_sku: &str, first_quantity: i64, amount: i64) -> Value {
        let line =
            |(sku, quantity): (&str, i64)| json!({"sku": sku, "quantity": quantity, "unit_price_minor": 100});
        let more: Vec<_> = self.lines().skip(1).collect();
        let more = more.iter().map(|(sku, quantity)| (sku.as_str(), *quantity));
        let lines: Vec<_> = [(first_sku, first_quantity)].into_iter().chain(more).map(line).collect();
        let mut order = json!({
            "order_id": format!("o{}", self.id), "currency": "GBP", "total_minor": amount, "lines": lines,
        });
        if self.store > 0 {
            order["store_id"] = self.store_id().into();
        }
        order
    }
}

/// How many products there are.
pub(super) const SKUS: u8 = 5;

fn sku_name(sku: u8) -> String {
    format!("sku-{sku}")
}

fn store_name(store: u8) -> String {
    if store == 0 { "default".to_owned() } else { format!("s{store}") }
}

/// The key of a product in a store.
pub fn stock_key(store: u8, sku: u8) -> String {
    format!("{}#{}", store_name(store), sku_name(sku))
}

/// The key of a user.
pub fn user_key(user: u32) -> String {
    format!("user-{user}")
}
