//! Reorder points as they are remembered between batches.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millrace_domain::stock::{ReorderPoint, ReorderPoints, sku_of};
use millrace_lambda::deadline::DeadlineNear;
use millrace_lambda::reorder_points::{PointsUnavailable, ReorderPointTable};
use millrace_lambda::{Batch, Deadline};
use tokio::time::Instant;

/// Products beyond which those that were not read lately are forgotten: some ten megabytes.
const KNOWN_LIMIT_PRODUCTS: usize = 100_000;

/// The table of reorder points, and what is known of it.
#[derive(Debug)]
pub(crate) struct Points<P> {
    table: P,
    default: ReorderPoint,
    age_limit: Duration,
    known: Mutex<HashMap<String, Known>>,
}

/// A product's reorder point, where it has one, and when that was read.
#[derive(Clone, Copy, Debug)]
struct Known {
    point: Option<ReorderPoint>,
    read_at: Instant,
}

impl<P: ReorderPointTable> Points<P> {
    pub(crate) fn new(table: P, default: ReorderPoint, age_limit: Duration) -> Self {
        Self { table, default, age_limit, known: Mutex::default() }
    }

    /// The reorder points of a batch's products. They are told by the keys, so nothing has to be decoded for it.
    pub(crate) async fn of_batch(
        &self,
        batch: &Batch<'_>,
        deadline: Deadline,
    ) -> Result<ReorderPoints, PointsUnavailable> {
        let skus: BTreeSet<&str> = batch.partition_keys().filter_map(sku_of).collect();
        let now = Instant::now();
        let mut points = ReorderPoints { by_sku: HashMap::new(), default: self.default };
        let unknown = self.recall(skus, now, &mut points);
        if unknown.is_empty() {
            return Ok(points);
        }
        if deadline.is_near() {
            return Err(PointsUnavailable { why: DeadlineNear.to_string() });
        }
        let read = self.table.read(&unknown, deadline).await?;
        self.remember(&unknown, &read, now);
        points.by_sku.extend(read);
        Ok(points)
    }

    /// Adds what is known, and gives back the products that must be read.
    fn recall<'s>(&self, skus: BTreeSet<&'s str>, now: Instant, points: &mut ReorderPoints) -> Vec<&'s str> {
        let known = self.known();
        let mut unknown = Vec::new();
        for sku in skus {
            match known.get(sku).filter(|known| self.is_fresh(known, now)) {
                Some(Known { point: Some(point), .. }) => drop(points.by_sku.insert(sku.to_owned(), *point)),
                Some(Known { point: None, .. }) => {}
                None => unknown.push(sku),
            }
        }
        unknown
    }

    fn remember(&self, skus: &[&str], read: &HashMap<String, ReorderPoint>, now: Instant) {
        let mut known = self.known();
        if known.len() + skus.len() > KNOWN_LIMIT_PRODUCTS {
            known.retain(|_, known| self.is_fresh(known, now));
        }
        if known.len() + skus.len() > KNOWN_LIMIT_PRODUCTS {
            known.clear();
        }
        for sku in skus {
            known.insert((*sku).to_owned(), Known { point: read.get(*sku).copied(), read_at: now });
        }
    }

    fn is_fresh(&self, known: &Known, now: Instant) -> bool {
        now.duration_since(known.read_at) < self.age_limit
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // It is whole at every point where a panic could leave the lock behind.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
