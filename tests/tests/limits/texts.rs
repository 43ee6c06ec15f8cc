//! Limits of what a refusal quotes: its texts go to logs and to the quarantine's lines.

use millrace_domain::decode::{Arrival, decode};
use millrace_domain::envelope::SUBJECT_LIMIT_BYTES;
use millrace_domain::identity::ID_LIMIT_BYTES;
use millrace_domain::{Invalid, Reason};
use serde_json::{Value, json};

/// Most bytes that a rule quotes.
const QUOTED_LIMIT_BYTES: usize = 200;

fn event() -> Value {
    json!({
        "specversion": "1.0", "id": "e", "source": "s", "type": "payment.failed", "subject": "u",
        "time": "2010-12-01T08:26:00Z", "data": {"order_id": "o", "currency": "GBP", "amount_minor": 1},
    })
}

fn refusal(event: &Value, partition_key: &str) -> Invalid {
    let (text, mut refusals) = (event.to_string(), Vec::new());
    let arrival = Arrival { partition_key, arrived_at_ms: 1_762_165_800_000 };
    decode(text.as_bytes(), &arrival, |decoded| refusals.extend(decoded.event.err()));
    assert_eq!(refusals.len(), 1);
    refusals.remove(0)
}

#[test]
fn a_value_is_quoted_up_to_the_limit() {
    let of_currency = |length: usize| {
        let mut event = event();
        event["data"]["currency"] = "Q".repeat(length).into();
        refusal(&event, "u").rule
    };
    let around = of_currency(0).len();
    let longest = QUOTED_LIMIT_BYTES - around;
    assert!(of_currency(longest).ends_with("GBP"));
    assert_eq!(of_currency(longest).len(), QUOTED_LIMIT_BYTES);
    for length in [longest + 1, 1_000_000] {
        assert_eq!(of_currency(length).len(), QUOTED_LIMIT_BYTES, "{length}");
    }
}

#[test]
fn a_partition_key_is_quoted_up_to_the_limit() {
    let quoted = |key: &str| {
        let refused = refusal(&event(), key);
        assert_eq!(refused.reason, Reason::PartitionKeyMismatch);
        refused.rule.strip_prefix("must equal the partition key ").unwrap().to_owned()
    };
    let full = "k".repeat(QUOTED_LIMIT_BYTES);
    assert_eq!(quoted(&full), format!("{full:?}"));
    assert_eq!(quoted(&format!("{full}k")), format!("{full:?}"));
    // A character that would reach over the limit goes as a whole.
    let wide = "k".repeat(QUOTED_LIMIT_BYTES - 1);
    assert_eq!(quoted(&format!("{wide}é")), format!("{wide:?}"));
}

#[test]
fn an_id_is_named_up_to_its_limit() {
    let named = |length: usize| {
        let mut event = event();
        event["id"] = "i".repeat(length).into();
        event["subject"] = "u".repeat(SUBJECT_LIMIT_BYTES + 1).into();
        let too_long = refusal(&event, "u").event_id.unwrap();
        event["subject"] = 5.into();
        assert_eq!(refusal(&event, "u").event_id.as_ref(), Some(&too_long));
        too_long.len()
    };
    assert_eq!(named(ID_LIMIT_BYTES), ID_LIMIT_BYTES);
    assert_eq!(named(ID_LIMIT_BYTES + 1), ID_LIMIT_BYTES);
}
