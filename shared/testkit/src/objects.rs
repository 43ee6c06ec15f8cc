//! Objects in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Object, Objects, ObjectsError};

/// Objects by key; clones are the same objects.
#[derive(Clone, Debug, Default)]
pub struct MemoryObjects(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    failing: BTreeSet<String>,
    page_limit: Option<usize>,
}

impl MemoryObjects {
    /// Puts an object in place.
    pub fn insert(&self, key: &str, bytes: impl Into<Bytes>) {
        self.lock().objects.insert(key.to_owned(), bytes.into());
    }

    /// Takes an object away.
    pub fn remove(&self, key: &str) {
        self.lock().objects.remove(key);
    }

    /// Whatever is asked of an object of this key fails from now on.
    pub fn fail(&self, key: &str) {
        self.lock().failing.insert(key.to_owned());
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        self.lock().failing.clear();
    }

    /// Pages have at most so many objects.
    pub fn page(&self, limit: usize) {
        self.lock().page_limit = Some(limit);
    }

    /// The keys that start with this, in order.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.lock().objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no call panics while it holds the objects")
    }

    fn check(&self, key: &str) -> Result<(), ObjectsError> {
        match self.lock().failing.contains(key) {
            true => Err(ObjectsError("the script fails it".to_owned())),
            false => Ok(()),
        }
    }
}

impl Objects for MemoryObjects {
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        _deadline: Deadline,
    ) -> Result<Vec<Listed>, ObjectsError> {
        self.check(prefix)?;
        let state = self.lock();
        let limit = limit.min(state.page_limit.unwrap_or(1_000));
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        let found = state.objects.range::<str, _>((behind, Bound::Unbounded));
        let found = found.filter(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(found.map(|(key, bytes)| Listed { key: key.clone(), bytes: bytes.len() as u64 }).collect())
    }

    async fn get(&self, key: &str, limit_bytes: u64, _deadline: Deadline) -> Result<Object, ObjectsError> {
        self.check(key)?;
        Ok(match self.lock().objects.get(key) {
            None => Object::Absent,
            Some(bytes) if bytes.len() as u64 > limit_bytes => Object::TooLarge,
            Some(bytes) => Object::Whole(bytes.clone()),
        })
    }

    async fn put(&self, key: &str, bytes: Bytes, _deadline: Deadline) -> Result<(), ObjectsError> {
        self.check(key)?;
        self.insert(key, bytes);
        Ok(())
    }
}
