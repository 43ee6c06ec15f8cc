//! Events: what is taken is taken whole, or set aside with field and rule.

use crate::run::{Replay, event, view};

#[test]
fn data_in_base64_is_data() {
    let lines = [
        event("wish-1", "wishlist.item_added", "user-nia", r#""data_base64":"eyJza3UiOiJtdWcifQ==""#),
        event("login-1", "user.logged_in", "user-nia", r#""data_base64":"eyJkZXZpY2UiOiJwaG9uZSJ9""#),
        event("view-1", "product.viewed", "user-nia", r#""data_base64":"eyJza3UiOiJtdWcifQ==""#),
        // The same event once more, the other way.
        view("view-1"),
        event("xml-1", "wishlist.item_added", "user-nia", r#""data_base64":"PHhtbC8+""#),
        event("both-1", "user.logged_in", "user-nia", r#""data":{},"data_base64":"e30=""#),
    ];
    let replay = Replay::of("events.jsonl", lines.join("\n"));
    let quarantine = ["both-1 envelope data_base64", "xml-1 envelope data_base64"];
    assert_eq!(replay.quarantine(), quarantine);
    let rows = [
        r#"login-1 {"device":"phone"}"#,
        r#"view-1 {"sku":"mug"}"#,
        r#"view-1 {"sku":"mug"}"#,
        r#"wish-1 {"sku":"mug"}"#,
    ];
    assert_eq!(replay.rows(), rows);
    let text = std::fs::read_to_string(replay.out().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["functions"]["sessions"]["verdicts"]["duplicate"], 1, "{text}");
}

#[test]
fn media_types_know_no_case() {
    let of = |id, media_type: &str| {
        let attributes = format!(r#""data":{{"sku":"mug"}},"datacontenttype":"{media_type}""#);
        event(id, "product.viewed", "user-nia", &attributes)
    };
    let lines = [
        of("ct-1", "Application/JSON"),
        of("ct-2", "application/vnd.shop.v1+JSON; charset=utf-8"),
        of("ct-3", "text/xml"),
    ];
    let replay = Replay::of("events.jsonl", lines.join("\n"));
    assert_eq!((replay.taken(), replay.quarantine()), (2, vec!["ct-3 envelope datacontenttype".to_owned()]));
}

#[test]
fn a_line_that_cannot_be_put_ends_no_run() {
    let of = |id, subject: &str| event(id, "product.viewed", subject, r#""data":{"sku":"mug"}"#);
    let lines = [
        of("good-1", "user-nia"),
        of("long-1", &"ü".repeat(129)),
        of("long-2", &"u".repeat(257)),
        of("fits-1", &"ü".repeat(128)),
        event(
            "huge-1",
            "product.viewed",
            "user-nia",
            &format!(r#""data":{{"sku":"{}"}}"#, "m".repeat(1 << 20)),
        ),
        of("good-2", "user-nia"),
    ];
    let replay = Replay::of("events.jsonl", lines.join("\n"));
    assert_eq!(replay.quarantine(), ["long-1 envelope subject", "long-2 envelope subject"]);
    assert_eq!(replay.taken(), 3);
    let not_put = replay.left("not-put.jsonl");
    assert_eq!((not_put.len(), &not_put[0]["line"]), (1, &5.into()));
}

#[test]
fn large_lines_go_in_calls_that_the_stream_takes() {
    let of = |id: String| {
        let attributes = format!(r#""data":{{"sku":"mug","note":"{}"}}"#, "n".repeat(1_000_000));
        event(&id, "product.viewed", "user-nia", &attributes)
    };
    let lines: Vec<_> = (0..9).map(|index| of(format!("large-{index}"))).collect();
    assert_eq!(Replay::of("events.jsonl", lines.join("\n")).taken(), 9);
}

#[test]
fn half_of_a_character_is_set_aside_wherever_it_stands() {
    let of = |id, data: &str| event(id, "product.viewed", "user-nia", &format!(r#""data":{data}"#));
    let lines = [
        view("plain-1"),
        of("cut-1", r#"{"sku":"mug","title":"Mug \ud83d"}"#),
        of("cut-2", r#"{"sku":"mug","\udc00":1}"#),
        of("whole-1", r#"{"sku":"mug","title":"Mug \ud83d\ude00"}"#),
        event("cut-3", "coupon.used", "user-nia", r#""data":["\ud83d\ud83d"]"#),
        event("cut-4", "user.logged_in", "user-nia", r#""title":"\ud83d""#),
    ];
    let replay = Replay::of("events.jsonl", lines.join("\n"));
    let quarantine = [
        "cut-1 contract data.title",
        "cut-2 contract data",
        "cut-3 contract data[0]",
        "cut-4 envelope title",
    ];
    assert_eq!(replay.quarantine(), quarantine);
    for row in replay.rows() {
        let data = row.split_once(' ').unwrap().1;
        assert!(serde_json::from_str::<serde_json::Value>(data).is_ok(), "no reader takes {row}");
    }
}

#[test]
fn whole_numbers_are_taken_however_they_are_written() {
    let of = |id: &str, total: &str, quantity: &str, price: &str| {
        let data = format!(
            r#""data":{{"order_id":"{id}","currency":"GBP","total_minor":{total},"lines":[{{"sku":"mug","quantity":{quantity},"unit_price_minor":{price}}}]}}"#
        );
        event(id, "order.placed", &format!("user-{id}"), &data)
    };
    let lines = [
        of("o-1", "1250.0", "1.0", "1250.0"),
        of("o-2", "1.25e3", "1", "1250"),
        of("o-3", "1250.5", "1", "1250"),
        of("o-4", "1250", "1e999999999999", "1250"),
        of("o-5", "1250", "1", "0.1e1"),
    ];
    let replay = Replay::of("events.jsonl", lines.join("\n"));
    let quarantine = ["o-3 contract data.total_minor", "o-4 contract data.lines[0].quantity"];
    assert_eq!((replay.taken(), replay.quarantine()), (3, quarantine.map(str::to_owned).to_vec()));
}

#[test]
fn withdrawn_currencies_are_taken_by_one_rule() {
    let codes = ["HRK", "SLL", "ZWL", "CUC", "BGN", "ANG", "BYR", "MRO", "STD", "VEF", "LTL", "DEM", "ABC"];
    let lines = codes.map(|code| {
        let data = format!(
            r#""data":{{"order_id":"{code}","currency":"{code}","total_minor":5,"lines":[{{"sku":"mug","quantity":1,"unit_price_minor":5}}]}}"#
        );
        event(code, "order.placed", &format!("user-{code}"), &data)
    });
    let replay = Replay::of("events.jsonl", lines.join("\n"));
    assert_eq!((replay.taken(), replay.quarantine()), (12, vec!["ABC contract data.currency".to_owned()]));
}
