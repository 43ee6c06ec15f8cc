//! The two ways in which a CloudEvent in JSON carries its data: `data`, and `data_base64`.
//!
//! What `data_base64` holds is taken as if it stood in `data`, byte for byte: the same contract, the same row and the same
//! payload hash. So an event that a producer sends once this way and once that way is a duplicate.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use crate::half_characters;
use crate::invalid::{Invalid, Reason};

const FIELD: &str = "data_base64";

/// The JSON text of an event's data, borrowed where it stands in the event's own text; `None` where there is none. JSON's
/// `null` is none, too.
///
/// # Errors
/// When both are there, or `data_base64` holds no JSON.
pub(crate) fn text_of<'a>(
    data: Option<&'a RawValue>,
    base64: Option<&str>,
) -> Result<Option<Cow<'a, str>>, Invalid> {
    let refuse = |rule: &str| Err(Invalid::field(Reason::Envelope, FIELD, rule));
    let Some(base64) = base64 else { return Ok(data.map(|data| Cow::Borrowed(data.get()))) };
    if data.is_some() {
        return refuse("must not stand beside data");
    }
    let Ok(bytes) = STANDARD.decode(base64) else { return refuse("must be base64 of JSON, is no base64") };
    let Ok(text) = String::from_utf8(bytes) else {
        return refuse("must be base64 of JSON, is no UTF-8 text");
    };
    // Without the space around it, as `data` stands in an event.
    let Ok(value) = serde_json::from_str::<&RawValue>(&text) else {
        return refuse("must be base64 of JSON, is no JSON");
    };
    if let Some(invalid) = half_characters::in_data(value.get()) {
        return Err(invalid);
    }
    Ok(match value.get() {
        "null" => None,
        value => Some(Cow::Owned(value.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use crate::envelope::read_event;
    use crate::event::{Data, Event};

    use super::*;

    fn event(event_type: &str, attributes: &str) -> String {
        format!(
            r#"{{"specversion":"1.0","id":"e","source":"s","type":"{event_type}","subject":"u","time":"2010-12-01T08:26:00Z",{attributes}}}"#
        )
    }

    fn encoded(event_type: &str, data: impl AsRef<[u8]>) -> String {
        event(event_type, &format!(r#""data_base64":"{}""#, STANDARD.encode(data)))
    }

    fn same(event_type: &str, data: &str) {
        let (plain, other) = (event(event_type, &format!(r#""data":{data}"#)), encoded(event_type, data));
        let (plain, other): (Event<'_>, Event<'_>) =
            (read_event(&plain).unwrap(), read_event(&other).unwrap());
        assert_eq!(plain, other, "{event_type}");
        assert_eq!((plain.identity(), plain.payload()), (other.identity(), other.payload()));
    }

    #[test]
    fn an_event_is_the_same_whichever_way_its_data_comes() {
        let order = r#"{"order_id":"o","currency":"GBP","total_minor":1,"store_id":"s","lines":[{"sku":"a","quantity":1,"unit_price_minor":1}]}"#;
        let payment = r#"{"order_id":"o","currency":"GBP","amount_minor":1,"reason":"none"}"#;
        for (event_type, data) in [
            ("product.viewed", r#"{"sku":"a"}"#),
            ("cart.item_added", r#"{"sku":"a","quantity":1}"#),
            ("cart.item_removed", r#"{"sku":"a","quantity":1}"#),
            ("order.placed", order),
            ("order.returned", order),
            ("payment.authorized", payment),
            ("payment.failed", payment),
            ("user.logged_in", r#"{"device":"phone"}"#),
            ("user.logged_out", "{}"),
            ("session.closed", "[1,2]"),
            ("wishlist.item_added", r#"{"sku":"mug"}"#),
            ("wishlist.item_added", "null"),
        ] {
            same(event_type, data);
        }
    }

    #[test]
    fn a_stock_event_is_keyed_by_what_its_base64_holds() {
        let stock = r#"{"store_id":"s","sku":"a","quantity":1,"on_hand":1,"order_id":"o"}"#;
        for event_type in ["stock.received", "stock.counted", "stock.sold", "stock.returned"] {
            let text = encoded(event_type, stock);
            assert_eq!(read_event(&text).unwrap_err().field, "subject");
            assert!(read_event(&text.replace(r#""u""#, r#""s#a""#)).is_ok(), "{event_type}");
        }
    }

    #[test]
    fn space_around_is_no_part_of_the_data() {
        let text = encoded("product.viewed", " {\"sku\":\"a\"}\n");
        let event = read_event(&text).unwrap();
        assert_eq!(event.raw_data, r#"{"sku":"a"}"#);
        assert!(matches!(&event.data, Data::ProductViewed(view) if view.sku == "a"));
    }

    #[test]
    fn what_holds_no_json_is_refused_by_name() {
        let cases = [
            (event("a.b", r#""data_base64":"e30""#), "data_base64 must be base64 of JSON, is no base64"),
            (event("a.b", r#""data_base64":"?""#), "data_base64 must be base64 of JSON, is no base64"),
            (event("a.b", r#""data_base64":"""#), "data_base64 must be base64 of JSON, is no JSON"),
            (encoded("a.b", "<xml/>"), "data_base64 must be base64 of JSON, is no JSON"),
            (encoded("a.b", b"\xff"), "data_base64 must be base64 of JSON, is no UTF-8 text"),
            (event("a.b", r#""data":{},"data_base64":"e30=""#), "data_base64 must not stand beside data"),
            (event("a.b", r#""data_base64":5"#), "data_base64 invalid type: integer `5`, expected a string"),
            (encoded("product.viewed", "{}"), "data.sku is missing"),
        ];
        for (text, expected) in cases {
            let invalid = read_event(&text).unwrap_err();
            assert_eq!(invalid.to_string(), expected);
            assert_eq!(invalid.event_id.as_deref(), Some("e"));
        }
        let half = encoded("a.b", r#"{"t":"\ud83d"}"#);
        assert_eq!(read_event(&half).unwrap_err().field, "data.t");
    }

    #[test]
    fn null_is_no_data_in_either_place() {
        assert!(read_event(&event("a.b", r#""data":null,"data_base64":"e30=""#)).is_ok());
        assert!(read_event(&event("a.b", r#""data":{},"data_base64":null"#)).is_ok());
    }
}
