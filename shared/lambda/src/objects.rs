//! The port to objects by key: dead letters, and the marks of those that are done.

use std::future::Future;

use bytes::Bytes;

use crate::deadline::Deadline;

/// An object as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What reading an object gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// All its bytes.
    Whole(Bytes),
    /// There is none, or no longer.
    Absent,
    /// It is larger than was asked for.
    TooLarge,
}

/// An operation that did not succeed, why in words; nothing is known of its effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ObjectsError(pub String);

/// Objects by key.
pub trait Objects: Send + Sync {
    /// Lists objects whose key starts with `prefix` and lies behind `after`, in the order of the bytes of their keys:
    /// a page of at most `limit`, and at most 1,000. No objects mean that there are no more.
    ///
    /// # Errors
    /// When they could not be listed within the deadline.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<Listed>, ObjectsError>> + Send;

    /// Reads an object of at most `limit_bytes`.
    ///
    /// # Errors
    /// When it could not be read within the deadline.
    fn get(
        &self,
        key: &str,
        limit_bytes: u64,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Object, ObjectsError>> + Send;

    /// Writes an object, in the place of any of this key.
    ///
    /// # Errors
    /// When it could not be written within the deadline.
    fn put(
        &self,
        key: &str,
        bytes: Bytes,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), ObjectsError>> + Send;
}
