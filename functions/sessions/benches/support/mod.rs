//! The batch that all benches use: 1,000 records of about 980 bytes over about 345 users.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Records of a batch.
pub(crate) const RECORDS: usize = 1_000;
/// Users that are drawn from; a batch meets about 345 of them.
const USERS: usize = 370;
/// 2025-11-04T00:00:00Z, behind every event.
const ARRIVED_AT_S: u64 = 1_762_214_400;

/// One record: partition key and payload.
pub(crate) type Record = (String, String);

/// The records of batch `number`; event time moves on by five minutes from batch to batch, in which a user makes
/// some three events.
pub(crate) fn records(number: u64) -> Vec<Record> {
    let mut rng = fastrand::Rng::with_seed(number + 1);
    (0..RECORDS).map(|index| record(&mut rng, number, index)).collect()
}

fn record(rng: &mut fastrand::Rng, number: u64, index: usize) -> Record {
    let user = format!("user-{:05}", rng.usize(0..USERS));
    let sku = rng.u32(1_000..2_000);
    let (event_type, fields) = match rng.u8(0..10) {
        0..6 => ("product.viewed", format!(r#""sku":"sku-{sku}""#)),
        6..8 => ("cart.item_added", format!(r#""sku":"sku-{sku}","quantity":{}"#, rng.u8(1..4))),
        8 => ("user.logged_in", r#""method":"password""#.to_owned()),
        _ => (
            "order.placed",
            format!(
                r#""order_id":"order-{number}-{index}","currency":"EUR","total_minor":{},"lines":[{{"sku":"sku-{sku}","quantity":2,"unit_price_minor":450}},{{"sku":"sku-{}","quantity":1,"unit_price_minor":1250}}]"#,
                2_150,
                sku + 1
            ),
        ),
    };
    let minute = number * 5;
    let head = format!(
        r#"{{"specversion":"1.0","id":"bench-{number}-{index}","source":"urn:shop:web","type":"{event_type}","subject":"{user}","time":"2025-11-03T{:02}:{:02}:{:02}.{:03}Z","datacontenttype":"application/json","data":{{{fields},"context":{{"page":"/catalogue/kitchen/teapots?sort=price&page=3","referrer":"https://search.example/?q=blue+teapot","agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36","locale":"en-GB","screen":{{"width":1920,"height":1080,"ratio":1.5}},"experiments":["checkout-b","reviews-first"],"note":""#,
        minute / 60,
        minute % 60,
        index * 300 / RECORDS / 5,
        index
    );
    let padding = "x".repeat(980_usize.saturating_sub(head.len() + 4));
    (user, format!("{head}{padding}\"}}}}}}"))
}

/// The event as Lambda sends it.
pub(crate) fn lambda_event(records: &[Record], number: u64) -> Vec<u8> {
    let mut event = String::from(r#"{"Records":["#);
    for (index, (key, payload)) in records.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let sequence = format!("4966{:052}", number * RECORDS as u64 + index as u64);
        let data = STANDARD.encode(payload);
        event.push_str(&format!(
            r#"{comma}{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"{key}","sequenceNumber":"{sequence}","data":"{data}","approximateArrivalTimestamp":{ARRIVED_AT_S}.123}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:{sequence}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::000000000000:role/bench","awsRegion":"us-east-1","eventSourceARN":"arn:aws:kinesis:us-east-1:000000000000:stream/events"}}"#
        ));
    }
    event.push_str("]}");
    event.into_bytes()
}

/// A table of these rows, numbers to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(header.to_vec());
    table.add_rows(rows.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    table
}
