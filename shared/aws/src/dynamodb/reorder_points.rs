//! Reorder points in a DynamoDB table, an item a product.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures::stream::{self, StreamExt};
use millrace_domain::stock::ReorderPoint;
use millrace_lambda::ports::NotAccepted;
use millrace_lambda::reorder_points::{PointsUnavailable, ReorderPointTable};
use millrace_lambda::{Deadline, Meter};

use super::CONCURRENCY;
use super::batch_get::{BatchGet, Got, KEYS_LIMIT};
use super::batch_write::{BatchWrite, ITEMS_LIMIT};
use super::item::Item;

/// The table's partition key.
pub const SKU: &str = "sku";
/// Stock at or below this number is ordered again.
pub const REORDER_POINT: &str = "reorder_point";
/// The stock that an order brings about.
pub const TARGET: &str = "reorder_target";

/// A table of reorder points.
#[derive(Clone, Debug)]
pub struct DynamoReorderPoints {
    client: Client,
    table: String,
    meter: Arc<Meter>,
}

impl DynamoReorderPoints {
    /// The reorder points in this table.
    pub fn new(client: Client, table: String, meter: Arc<Meter>) -> Self {
        Self { client, table, meter }
    }

    /// Puts reorder points of distinct products in place, in order. Other products keep theirs. Doing it again is safe.
    ///
    /// # Errors
    /// The first one of which it is not known that it was written; those behind it were not sent, but for its request.
    pub async fn put_all(
        &self,
        points: &[(String, ReorderPoint)],
        deadline: Deadline,
    ) -> Result<(), NotAccepted> {
        for (chunk, first) in points.chunks(ITEMS_LIMIT).zip((0..).step_by(ITEMS_LIMIT)) {
            self.put_chunk(chunk, deadline).await.map_err(|why| NotAccepted { first, why })?;
        }
        Ok(())
    }

    async fn put_chunk(&self, points: &[(String, ReorderPoint)], deadline: Deadline) -> Result<(), String> {
        let requests = points.iter().map(write).collect::<Result<Vec<_>, _>>()?;
        let write = BatchWrite { client: &self.client, table: &self.table, meter: &self.meter };
        write.write(requests, deadline).await.map_err(|left| left.class.into_why())
    }
}

impl ReorderPointTable for DynamoReorderPoints {
    async fn read(
        &self,
        skus: &[&str],
        deadline: Deadline,
    ) -> Result<HashMap<String, ReorderPoint>, PointsUnavailable> {
        let get = BatchGet {
            client: &self.client,
            table: &self.table,
            meter: &self.meter,
            key: SKU,
            consistent: false,
        };
        let mut requests = Vec::with_capacity(skus.len().div_ceil(KEYS_LIMIT));
        for skus in skus.chunks(KEYS_LIMIT) {
            requests.push(get.get(skus, deadline));
        }
        let gots = deadline.bound(stream::iter(requests).buffered(CONCURRENCY).collect::<Vec<_>>()).await;
        let gots = gots.map_err(|near| PointsUnavailable { why: near.to_string() })?;
        let mut points = HashMap::with_capacity(skus.len());
        for Got { items, pending, why } in gots {
            if !pending.is_empty() {
                return Err(PointsUnavailable { why });
            }
            points.extend(items.into_iter().filter_map(|(sku, item)| {
                let point = point(&sku, &item)?;
                Some((sku, point))
            }));
        }
        Ok(points)
    }
}

fn write((sku, point): &(String, ReorderPoint)) -> Result<WriteRequest, String> {
    let number = |value: i64| AttributeValue::N(value.to_string());
    let put = PutRequest::builder()
        .item(SKU, AttributeValue::S(sku.clone()))
        .item(REORDER_POINT, number(point.point()))
        .item(TARGET, number(point.target()))
        .build()
        .map_err(|error| error.to_string())?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// The reorder point in an item. One that cannot be used must not stop a shard: its product has none until
/// somebody mends it.
fn point(sku: &str, item: &Item) -> Option<ReorderPoint> {
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse().ok();
    let read = match (number(REORDER_POINT), number(TARGET)) {
        (Some(point), Some(target)) => ReorderPoint::new(point, target).map_err(|error| error.to_string()),
        _ => Err(format!("{REORDER_POINT} and {TARGET} must be whole numbers")),
    };
    read.inspect_err(|why| {
        tracing::error!(sku, error = why, "a reorder point cannot be used, and the default is")
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(pairs: &[(&str, AttributeValue)]) -> Item {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let written = ReorderPoint::new(5, 20).unwrap();
        let request = write(&("a".to_owned(), written)).unwrap();
        let item = request.put_request.unwrap().item;
        assert_eq!(item[SKU], AttributeValue::S("a".to_owned()));
        assert_eq!(point("a", &item), Some(written));
    }

    #[test]
    fn a_point_that_cannot_be_used_is_none() {
        let number = |text: &str| AttributeValue::N(text.to_owned());
        assert_eq!(point("a", &item(&[(REORDER_POINT, number("5")), (TARGET, number("5"))])), None);
        assert_eq!(point("a", &item(&[(REORDER_POINT, number("5"))])), None);
        assert_eq!(point("a", &item(&[(REORDER_POINT, number("0.5")), (TARGET, number("5"))])), None);
        let text = AttributeValue::S("5".to_owned());
        assert_eq!(point("a", &item(&[(REORDER_POINT, text), (TARGET, number("9"))])), None);
    }
}
