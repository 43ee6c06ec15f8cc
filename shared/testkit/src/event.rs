//! Events as producers write them.

use bytes::Bytes;
use millrace_domain::time::{DAY_MS, MINUTE_MS, format_rfc3339_ms};
use serde_json::{Value, json};

/// The event time that builders start from: 2010-12-01T08:26:00Z.
pub const START_MS: i64 = 1_291_191_960_000;
/// The arrival time that builders give: late enough for every event time of a test.
pub const ARRIVED_AT_MS: i64 = START_MS + 30 * DAY_MS;

/// A CloudEvents event to be written as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct EventBuilder {
    id: String,
    source: String,
    event_type: String,
    subject: String,
    time_ms: i64,
    data: Option<Value>,
    /// Shard, sequence number and index of what caused it.
    origin: Option<(String, u64, u32)>,
}

/// A login of this user under this id, at [`START_MS`], until a test changes it.
pub fn event(id: impl Into<String>, user: &str) -> EventBuilder {
    EventBuilder {
        id: id.into(),
        source: "urn:shop".to_owned(),
        event_type: "user.logged_in".to_owned(),
        subject: user.to_owned(),
        time_ms: START_MS,
        data: None,
        origin: None,
    }
}

impl EventBuilder {
    /// Made by another producer.
    #[must_use]
    pub fn source(mut self, source: &str) -> Self {
        source.clone_into(&mut self.source);
        self
    }

    /// At this event time in epoch milliseconds.
    #[must_use]
    pub fn at_ms(mut self, time_ms: i64) -> Self {
        self.time_ms = time_ms;
        self
    }

    /// So many minutes after [`START_MS`].
    #[must_use]
    pub fn at_minute(self, minutes: i64) -> Self {
        self.at_ms(START_MS + minutes * MINUTE_MS)
    }

    /// Of any type, with any data.
    #[must_use]
    pub fn of_type(mut self, event_type: &str, data: Value) -> Self {
        event_type.clone_into(&mut self.event_type);
        self.data = Some(data);
        self
    }

    /// A look at a product.
    #[must_use]
    pub fn views(self, sku: &str) -> Self {
        self.of_type("product.viewed", json!({"sku": sku}))
    }

    /// An addition to the cart.
    #[must_use]
    pub fn adds(self, sku: &str, quantity: i64) -> Self {
        self.of_type("cart.item_added", json!({"sku": sku, "quantity": quantity}))
    }

    /// A removal from the cart.
    #[must_use]
    pub fn removes(self, sku: &str, quantity: i64) -> Self {
        self.of_type("cart.item_removed", json!({"sku": sku, "quantity": quantity}))
    }

    /// An order of one line, in pounds.
    #[must_use]
    pub fn orders(self, sku: &str, quantity: i64, total_minor: i64) -> Self {
        let data = self.order(sku, quantity, total_minor);
        self.of_type("order.placed", data)
    }

    /// A return of one line, in pounds.
    #[must_use]
    pub fn returns(self, sku: &str, quantity: i64, total_minor: i64) -> Self {
        let data = self.order(sku, quantity, total_minor);
        self.of_type("order.returned", data)
    }

    /// A payment that failed, in pounds.
    #[must_use]
    pub fn fails_to_pay(self, amount_minor: i64) -> Self {
        let data = json!({"order_id": self.id, "currency": "GBP", "amount_minor": amount_minor});
        self.of_type("payment.failed", data)
    }

    /// Pieces that came; the subject is `store#sku`.
    #[must_use]
    pub fn receives(self, quantity: i64) -> Self {
        self.of_stock("stock.received", json!({"quantity": quantity}))
    }

    /// Pieces that were counted; the subject is `store#sku`.
    #[must_use]
    pub fn counts(self, on_hand: i64) -> Self {
        self.of_stock("stock.counted", json!({"on_hand": on_hand}))
    }

    /// The signal of pieces that were sold; the subject is `store#sku`, and it wants an origin.
    #[must_use]
    pub fn sells(self, quantity: i64) -> Self {
        self.of_stock("stock.sold", json!({"quantity": quantity, "order_id": "o"}))
    }

    /// The signal of pieces that came back; the subject is `store#sku`, and it wants an origin.
    #[must_use]
    pub fn takes_back(self, quantity: i64) -> Self {
        self.of_stock("stock.returned", json!({"quantity": quantity, "order_id": "o"}))
    }

    /// Caused by the record of this number in this shard, as the signal of this index.
    #[must_use]
    pub fn caused_by(mut self, shard_id: &str, sequence: u64, index: u32) -> Self {
        self.origin = Some((shard_id.to_owned(), sequence, index));
        self
    }

    fn of_stock(self, event_type: &str, mut data: Value) -> Self {
        let (store_id, sku) = self.subject.split_once('#').expect("the key of stock is store#sku");
        data["store_id"] = store_id.into();
        data["sku"] = sku.into();
        self.of_type(event_type, data)
    }

    fn order(&self, sku: &str, quantity: i64, total_minor: i64) -> Value {
        let line = json!({"sku": sku, "quantity": quantity, "unit_price_minor": 100});
        json!({"order_id": self.id, "currency": "GBP", "total_minor": total_minor, "lines": [line]})
    }

    /// The event's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key that the event is for.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The event time in epoch milliseconds.
    pub fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// The event as JSON text.
    pub fn text(&self) -> String {
        let mut envelope = json!({
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.event_type,
            "subject": self.subject,
            "time": format_rfc3339_ms(self.time_ms),
        });
        if let Some(data) = &self.data {
            envelope["data"] = data.clone();
        }
        if let Some((shard_id, sequence, index)) = &self.origin {
            envelope["originstream"] = crate::batch::STREAM.into();
            envelope["originshardid"] = shard_id.as_str().into();
            envelope["originsequencenumber"] = sequence.to_string().into();
            envelope["originindex"] = (*index).into();
        }
        envelope.to_string()
    }

    /// The event as the bytes of a record.
    pub fn bytes(&self) -> Bytes {
        self.text().into()
    }
}
