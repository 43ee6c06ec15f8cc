//! The adapter to S3: objects of a bucket. SDK types do not leave this crate, but for the client that it is given.

use std::future::Future;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use millrace_aws::backoff::Backoff;
use millrace_aws::describe::describe;
use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Object, Objects, ObjectsError};

/// Most objects of one page.
const PAGE_LIMIT_OBJECTS: usize = 1_000;

/// An S3 bucket.
#[derive(Clone, Debug)]
pub struct S3Objects {
    client: Client,
    bucket: String,
}

impl S3Objects {
    /// The bucket of this name.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Tries until it succeeds, the tries are used up or the deadline comes.
    async fn retried<T, F>(
        &self,
        key: &str,
        deadline: Deadline,
        request: impl Fn() -> F,
    ) -> Result<T, ObjectsError>
    where
        F: Future<Output = Result<T, String>>,
    {
        let mut backoff = Backoff::new(deadline);
        loop {
            let why = match deadline.bound(request()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(why)) => why,
                Err(near) => return Err(ObjectsError(near.to_string())),
            };
            tracing::warn!(bucket = self.bucket, key, error = why, "a request to the bucket failed");
            if !backoff.wait().await {
                return Err(ObjectsError(why));
            }
        }
    }

    async fn read(&self, key: &str, limit_bytes: u64) -> Result<Object, String> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        match answer {
            Ok(object) => body(object, limit_bytes).await,
            Err(SdkError::ServiceError(error)) if matches!(error.err(), GetObjectError::NoSuchKey(_)) => {
                Ok(Object::Absent)
            }
            Err(error) => Err(describe(&error)),
        }
    }
}

/// The body, unless it is longer than the limit: the length in the header is only what the service says.
async fn body(mut object: GetObjectOutput, limit_bytes: u64) -> Result<Object, String> {
    let is_too_large = |bytes: usize| u64::try_from(bytes).is_ok_and(|bytes| bytes > limit_bytes);
    if object.content_length().is_some_and(|bytes| bytes.unsigned_abs() > limit_bytes) {
        return Ok(Object::TooLarge);
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = object.body.next().await {
        let chunk = chunk.map_err(|_| "the object could not be read to its end".to_owned())?;
        bytes.extend_from_slice(&chunk);
        if is_too_large(bytes.len()) {
            return Ok(Object::TooLarge);
        }
    }
    Ok(Object::Whole(bytes.freeze()))
}

impl Objects for S3Objects {
    /// S3 lists by the bytes of UTF-8, which is what the port promises.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<Listed>, ObjectsError> {
        let limit = i32::try_from(limit.min(PAGE_LIMIT_OBJECTS)).unwrap_or(i32::MAX);
        let request = || async {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).max_keys(limit);
            let answer = request.set_start_after(after.map(str::to_owned)).send().await;
            answer.map_err(|error| describe(&error))
        };
        let page = self.retried(prefix, deadline, request).await?;
        let listed = |object: &aws_sdk_s3::types::Object| {
            Some(Listed {
                key: object.key()?.to_owned(),
                bytes: object.size().unwrap_or_default().unsigned_abs(),
            })
        };
        Ok(page.contents().iter().filter_map(listed).collect())
    }

    async fn get(&self, key: &str, limit_bytes: u64, deadline: Deadline) -> Result<Object, ObjectsError> {
        self.retried(key, deadline, || self.read(key, limit_bytes)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, deadline: Deadline) -> Result<(), ObjectsError> {
        let request = || async {
            let body = ByteStream::from(bytes.clone());
            let answer = self.client.put_object().bucket(&self.bucket).key(key).body(body).send().await;
            answer.map(drop).map_err(|error| describe(&error))
        };
        self.retried(key, deadline, request).await
    }
}
