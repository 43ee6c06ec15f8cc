//! Texts that a decoder might hold many times: sound and broken, wide and deep.

use crate::blown_up::{filled, limit_bytes};
use crate::decoders::Kind;

const HEAD: &str =
    r#""specversion":"1.0","source":"s","type":"TYPE","subject":"u","time":"2010-12-01T08:26:00Z""#;

/// What an array is filled with; a text of characters that an error quotes by six; and one of escapes.
fn values() -> Vec<(&'static str, String)> {
    let array = |with| format!("[{}0]", filled(with));
    let text = |with| format!("\"{}\"", filled(with));
    let half = limit_bytes() / 2;
    vec![
        ("numbers", array("0,")),
        ("arrays", array("[0],")),
        ("objects", array(r#"{"":0},"#)),
        ("texts", array(r#""","#)),
        ("nested arrays", format!("{}{}", "[".repeat(half), "]".repeat(half))),
        ("nested objects", format!("{}0{}", r#"{"":"#.repeat(half / 3), "}".repeat(half / 3))),
        ("a text", text("a")),
        ("a text that errors escape", text("\u{7f}")),
        ("a text of escapes", text(r"\u0007")),
        ("a text of quotes", text("\\\"")),
        ("digits", filled("9")),
        ("an array that does not end", format!("[{}", filled("0,"))),
    ]
}

/// Those of which the others are variations, for where each goes to many places.
fn few_values() -> Vec<(&'static str, String)> {
    let few = ["objects", "a text that errors escape", "a text of escapes", "nested arrays"];
    values().into_iter().filter(|(name, _)| few.contains(name)).collect()
}

pub(crate) fn of(kind: Kind, measure: &mut impl FnMut(&str, &[u8])) {
    match kind {
        Kind::Event => events(measure),
        Kind::Framed => framed(measure),
        Kind::Data => data(measure),
        Kind::Object => objects("", measure),
        Kind::Lines => objects("\n", measure),
        Kind::Bytes => bytes(measure),
    }
}

fn events(measure: &mut impl FnMut(&str, &[u8])) {
    for (name, value) in values() {
        measure(name, value.as_bytes());
        measure(
            &format!("{name} in an event without attributes"),
            format!(r#"{{"id":7,"x":{value}}}"#).as_bytes(),
        );
    }
    for (name, value) in few_values() {
        let mut put = |place: &str, text: String| measure(&format!("{name}, {place}"), text.as_bytes());
        let view = HEAD.replace("TYPE", "product.viewed");
        let order = HEAD.replace("TYPE", "order.placed");
        put("in an unknown field", format!(r#"{{"id":"e","x":{value},"data":{{"sku":"a"}},{view}}}"#));
        put("beside a broken id", format!(r#"{{"id":7,"x":{value},{view}}}"#));
        put("as id", format!(r#"{{"id":{value},{view}}}"#));
        put("as id, twice", format!(r#"{{"id":"e","id":{value},{view}}}"#));
        put("as a number", format!(r#"{{"id":"e","originindex":{value},{view}}}"#));
        put("in data", format!(r#"{{"id":"e",{view},"data":{{"sku":"a","x":{value}}}}}"#));
        put("in broken data", format!(r#"{{"id":"e",{view},"data":{{"sku":5,"x":{value}}}}}"#));
        put("as data", format!(r#"{{"id":"e",{view},"data":{value}}}"#));
        put("as the lines of an order", format!(r#"{{"id":"e",{order},"data":{{"lines":{value}}}}}"#));
        put("as an element", format!("[{value},{value_of_one}]", value_of_one = r#"{"id":"e"}"#));
    }
    let event = format!(r#"{{"id":"e",{},"data":{{"sku":"a"}}}}"#, HEAD.replace("TYPE", "product.viewed"));
    measure("sound events of a batch", format!("[{}]", vec![&*event; 5_000].join(",")).as_bytes());
    measure("too many events", format!("[{event}{}]", filled(&format!(",{event}"))).as_bytes());
    measure("an unknown name", format!("{{\"{}\":0}}", filled("a")).as_bytes());
    measure("unknown names", format!("{{{}\"id\":7}}", filled(r#""a":0,"#)).as_bytes());
}

fn framed(measure: &mut impl FnMut(&str, &[u8])) {
    for (name, with) in [("objects", r#"{"":0},"#), ("a text that errors escape", "\u{7f}")] {
        let text = format!(r#"{{"id":7,"x":[{}0]}}"#, filled(with));
        measure(name, text.as_bytes());
        measure(&format!("{name} that do not end"), &text.as_bytes()[..text.len() - 2]);
    }
}

fn data(measure: &mut impl FnMut(&str, &[u8])) {
    let fields = ["sku", "quantity", "lines", "due_at_ms", "x"];
    for (name, value) in values() {
        measure(name, value.as_bytes());
    }
    for (name, value) in few_values() {
        for field in fields {
            measure(&format!("{name} as {field}"), format!(r#"{{"{field}":{value}}}"#).as_bytes());
            let beside = format!(r#"{{"sku":5,"order_id":5,"due_at_ms":"","{field}":{value}}}"#);
            measure(&format!("{name} as {field} beside broken fields"), beside.as_bytes());
        }
    }
    let order = |line: &str| {
        format!(
            r#"{{"order_id":"o","currency":"GBP","total_minor":1,"lines":[{line}{}]}}"#,
            filled(&format!(",{line}"))
        )
    };
    measure("sound lines", order(r#"{"sku":"a","quantity":1,"unit_price_minor":1}"#).as_bytes());
    measure("escaped lines", order(r#"{"sku":"\u0061","quantity":1,"unit_price_minor":1}"#).as_bytes());
}

fn objects(end: &str, measure: &mut impl FnMut(&str, &[u8])) {
    let names = [
        "x",
        "id",
        "data",
        "Records",
        "payload",
        "KinesisBatchInfo",
        "function",
        "element",
        "arrived_at",
        "source",
        "prefix",
        "limit",
    ];
    for (name, value) in values() {
        measure(name, format!("{value}{end}").as_bytes());
    }
    for (name, value) in few_values() {
        for field in names {
            measure(&format!("{name} as {field}"), format!(r#"{{"{field}":{value}}}{end}"#).as_bytes());
        }
        let redriven =
            format!(r#"{{"type":"record.redriven","data":{{"element":{value},"encoding":{value}}}}}"#);
        if redriven.len() < 3 * limit_bytes() {
            measure(&format!("{name} in a redrive envelope"), format!("{redriven}{end}").as_bytes());
        }
        let record = format!(r#"{{"Records":[{{"eventID":{value}}}]}}"#);
        measure(&format!("{name} as the id of a record"), format!("{record}{end}").as_bytes());
    }
    let envelope = concat!(
        r#"{"specversion":"1.0","type":"record.redriven","source":"urn:millrace:redrive","id":"i","subject":"u","#,
        r#""time":"2010-12-01T08:26:00Z","data":{"stream":"s","shard_id":"s","sequence_number":"5","element":0,"#,
        r#""sub_sequence":0,"sub_sequence_number":0,"arrived_at":"2010-12-01T08:26:00Z","data_base64":""#
    );
    for base64 in ["AAAA", r"\u0041AAA"] {
        let text = format!("{envelope}{}\"}}}}{end}", filled(base64));
        measure("a redrive envelope", text.as_bytes());
    }
    let record =
        r#"{"eventID":"a:","kinesis":{"sequenceNumber":"1","approximateArrivalTimestamp":0,"data":""}}"#;
    let batch = format!(r#"{{"Records":[{record}{}]}}"#, filled(&format!(",{record}")));
    measure("records", format!("{batch}{end}").as_bytes());
    measure("empty lines", filled("\n").as_bytes());
    measure("lines of one byte", filled("0\n").as_bytes());
}

fn bytes(measure: &mut impl FnMut(&str, &[u8])) {
    let repeated = |bytes: &[u8]| bytes.repeat(limit_bytes() / bytes.len());
    measure("empty keys", &repeated(&[0x0a, 0]));
    measure("empty hash keys", &repeated(&[0x12, 0]));
    measure("empty records", &repeated(&[0x1a, 0]));
    measure("empty records behind a key", &[&[0x0a, 0][..], &repeated(&[0x1a, 0])].concat());
    measure("one long key", &[&[0x0a, 0xe0, 0xff, 0xff, 0x04][..], &repeated(b"a")].concat());
    measure("zeros", &repeated(&[0]));
    measure("ones", &repeated(&[1]));
    measure("commas", &repeated(b","));
    measure("empty lines", &repeated(b"\n"));
    measure("lines of one byte", &repeated(b"x\n"));
    let points = |lines: usize| {
        let lines = (0..lines).map(|number| format!("{number:x},0,1\n"));
        format!("sku,reorder_point,reorder_target\n{}", lines.collect::<String>())
    };
    measure("reorder points", points(900_000).as_bytes());
}
