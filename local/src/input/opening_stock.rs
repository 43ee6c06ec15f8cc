//! A count of every product before its first event, for inputs that never counted their stock.

use std::collections::BTreeMap;
use std::path::PathBuf;

use millrace_domain::Data;
use millrace_domain::decode::{Arrival, decode};
use millrace_domain::time::format_rfc3339_ms;
use serde_json::json;

use super::{Input, NotPut, is_regular, read};
use crate::clock::now_ms;
use crate::error::Error;

/// Counts of `on_hand` pieces for each store and product that the files' orders, returns and stock events name, each a
/// millisecond before its first event.
pub(crate) fn opening_stock(files: &[PathBuf], on_hand: i64) -> Result<Vec<Input>, Error> {
    let mut first_ms: BTreeMap<(String, String), i64> = BTreeMap::new();
    let now_ms = i64::try_from(now_ms()).unwrap_or(i64::MAX);
    if let Some(file) = files.iter().find(|file| file.exists() && !is_regular(file)) {
        let why = "it can be read only once, and --opening-stock reads its files twice".to_owned();
        return Err(Error::Input { path: file.clone(), why });
    }
    // The run itself notes what it does not put.
    for input in read(files, &NotPut::default())? {
        let input = input?;
        let arrival = Arrival { partition_key: &input.partition_key, arrived_at_ms: now_ms };
        decode(&input.data, &arrival, |decoded| {
            let Ok(event) = decoded.event else { return };
            let mut meet = |store: &str, sku: &str| {
                let first = first_ms.entry((store.to_owned(), sku.to_owned())).or_insert(event.time_ms);
                *first = (*first).min(event.time_ms);
            };
            match &event.data {
                Data::OrderPlaced(order) | Data::OrderReturned(order) => {
                    order.lines.iter().for_each(|line| meet(&order.store_id, &line.sku));
                }
                Data::StockReceived(receipt) => meet(&receipt.store_id, &receipt.sku),
                Data::StockCounted(count) => meet(&count.store_id, &count.sku),
                _ => {}
            }
        });
    }
    let count = |((store_id, sku), first_ms): ((String, String), i64)| {
        let subject = format!("{store_id}#{sku}");
        let event = json!({
            "specversion": "1.0",
            "id": format!("opening-stock/{subject}"),
            "source": "urn:millrace:replay",
            "type": "stock.counted",
            "subject": subject,
            "time": format_rfc3339_ms(first_ms - 1),
            "data": {"store_id": store_id, "sku": sku, "on_hand": on_hand},
        });
        Input { partition_key: subject, data: event.to_string().into_bytes().into() }
    };
    Ok(first_ms.into_iter().map(count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_is_counted_before_its_first_event() {
        let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        let order = |id: &str, time: &str, sku: &str| {
            let lines = json!([{"sku": sku, "quantity": 1, "unit_price_minor": 1}]);
            let data = json!({"order_id": id, "currency": "GBP", "total_minor": 1, "lines": lines});
            json!({"specversion": "1.0", "id": id, "source": "s", "type": "order.placed", "subject": "u", "time": time,
                "data": data})
        };
        let events = [
            order("1", "2025-01-01T00:00:05Z", "a"),
            order("2", "2025-01-01T00:00:04Z", "a"),
            order("3", "2025-01-02T00:00:00Z", "b"),
        ];
        std::fs::write(file.path(), events.map(|event| format!("{event}\n")).concat()).unwrap();
        let counts = opening_stock(&[file.path().to_owned()], 7).unwrap();
        let texts: Vec<serde_json::Value> =
            counts.iter().map(|count| serde_json::from_slice(&count.data).unwrap()).collect();
        let written: Vec<_> =
            texts.iter().map(|text| (text["subject"].as_str(), text["time"].as_str())).collect();
        let expected = [
            (Some("default#a"), Some("2025-01-01T00:00:03.999Z")),
            (Some("default#b"), Some("2025-01-01T23:59:59.999Z")),
        ];
        assert_eq!(written, expected);
        assert_eq!(
            (&texts[0]["data"]["on_hand"], counts[0].partition_key.as_str()),
            (&json!(7), "default#a")
        );
    }
}
