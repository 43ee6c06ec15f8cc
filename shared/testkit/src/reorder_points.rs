//! A table of reorder points in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use millrace_domain::stock::ReorderPoint;
use millrace_lambda::Deadline;
use millrace_lambda::reorder_points::{PointsUnavailable, ReorderPointTable};

/// A table that notes what is read of it; clones are the same table.
#[derive(Clone, Debug, Default)]
pub struct MemoryReorderPoints(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    points: HashMap<String, ReorderPoint>,
    failures: VecDeque<bool>,
    reads: Vec<Vec<String>>,
}

impl MemoryReorderPoints {
    /// Puts the reorder point of a product in place.
    pub fn put(&self, sku: &str, point: i64, target: i64) {
        let point = ReorderPoint::new(point, target).expect("the target is above the point");
        self.lock().points.insert(sku.to_owned(), point);
    }

    /// The reads to come fail where this says so.
    pub fn script(&self, fails: impl IntoIterator<Item = bool>) {
        self.lock().failures.extend(fails);
    }

    /// The products of each read since the last call, sorted.
    pub fn take_reads(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.lock().reads)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no call panics while it holds the table")
    }
}

impl ReorderPointTable for MemoryReorderPoints {
    async fn read(
        &self,
        skus: &[&str],
        _deadline: Deadline,
    ) -> Result<HashMap<String, ReorderPoint>, PointsUnavailable> {
        let mut state = self.lock();
        let mut read: Vec<_> = skus.iter().map(|sku| (*sku).to_owned()).collect();
        read.sort_unstable();
        assert!(read.windows(2).all(|pair| pair[0] != pair[1]), "a product is asked for once");
        state.reads.push(read);
        if state.failures.pop_front().unwrap_or_default() {
            return Err(PointsUnavailable { why: "the script fails it".to_owned() });
        }
        let found = skus.iter().filter_map(|sku| state.points.get_key_value(*sku));
        Ok(found.map(|(sku, point)| (sku.clone(), *point)).collect())
    }
}
