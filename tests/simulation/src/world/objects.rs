//! The bucket of what was set aside: on-failure objects, quarantine objects, and the marks of those that are done.

use std::sync::Arc;

use bytes::Bytes;
use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Object, Objects, ObjectsError};

use super::World;

/// The bucket, as a caller sees it.
#[derive(Clone, Debug)]
pub struct ModelObjects(Arc<World>);

impl ModelObjects {
    /// The bucket of this world.
    pub fn new(world: Arc<World>) -> Self {
        Self(world)
    }
}

impl Objects for ModelObjects {
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        _deadline: Deadline,
    ) -> Result<Vec<Listed>, ObjectsError> {
        let services = self.0.services();
        let behind =
            |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        let listed = |key: &String| {
            let bytes = services.objects.get(key).map_or(0, Bytes::len) as u64;
            Listed { key: key.clone(), bytes }
        };
        Ok(services.objects.keys().filter(behind).take(limit.min(1_000)).map(listed).collect())
    }

    async fn get(&self, key: &str, limit_bytes: u64, _deadline: Deadline) -> Result<Object, ObjectsError> {
        Ok(match self.0.services().objects.get(key) {
            None => Object::Absent,
            Some(bytes) if bytes.len() as u64 > limit_bytes => Object::TooLarge,
            Some(bytes) => Object::Whole(bytes.clone()),
        })
    }

    async fn put(&self, key: &str, bytes: Bytes, _deadline: Deadline) -> Result<(), ObjectsError> {
        self.0.services().objects.insert(key.to_owned(), bytes);
        Ok(())
    }
}
