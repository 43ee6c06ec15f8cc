//! Objects in memory, in S3 and in a folder keep one contract. The service here speaks as much of S3 as the adapter uses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri};
use millrace_aws::clients::http_client;
use millrace_lambda::Deadline;
use millrace_lambda::objects::{Object, Objects};
use millrace_local::objects::FolderObjects;
use millrace_object_store::S3Objects;
use millrace_testkit::MemoryObjects;
use tokio::task::JoinSet;

use crate::kinesis::serve;

type Bucket = Arc<Mutex<BTreeMap<String, Bytes>>>;

async fn answer(
    State(bucket): State<Bucket>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> (StatusCode, Bytes) {
    let mut bucket = bucket.lock().unwrap();
    let key = uri.path().trim_start_matches("/dead-letters").trim_start_matches('/').to_owned();
    if method == Method::PUT {
        bucket.insert(key, body);
        return (StatusCode::OK, Bytes::new());
    }
    if query.contains_key("list-type") {
        return (StatusCode::OK, page(&bucket, &query).into());
    }
    match bucket.get(&key) {
        Some(bytes) => (StatusCode::OK, bytes.clone()),
        None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>".into()),
    }
}

fn page(bucket: &BTreeMap<String, Bytes>, query: &BTreeMap<String, String>) -> String {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let (prefix, after, limit) = (get("prefix"), get("start-after"), get("max-keys").parse().unwrap());
    let found = bucket.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after).take(limit);
    let object = |(key, bytes): (&String, &Bytes)| {
        format!("<Contents><Key>{key}</Key><Size>{}</Size></Contents>", bytes.len())
    };
    format!("<ListBucketResult>{}</ListBucketResult>", found.map(object).collect::<String>())
}

async fn s3(servers: &mut JoinSet<()>) -> S3Objects {
    let app = Router::new().fallback(answer).with_state(Bucket::default());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client())
        .force_path_style(true)
        .endpoint_url(serve(servers, app).await);
    S3Objects::new(Client::from_conf(config.build()), "dead-letters".to_owned())
}

async fn keep_the_contract(objects: impl Objects) {
    let none = Deadline::NONE;
    for key in ["b/1", "a/2", "a/10", "a/1", "a/3"] {
        objects.put(key, key.to_owned().into(), none).await.unwrap();
    }
    objects.put("a/3", "again".into(), none).await.unwrap();
    let keys = async |after: Option<&str>, limit| {
        let page = objects.list("a/", after, limit, none).await.unwrap();
        page.into_iter().map(|listed| format!("{} {}", listed.key, listed.bytes)).collect::<Vec<_>>()
    };
    assert_eq!(keys(None, 3).await, ["a/1 3", "a/10 4", "a/2 3"]);
    assert_eq!(keys(Some("a/2"), 3).await, ["a/3 5"]);
    assert!(keys(Some("a/3"), 3).await.is_empty());
    let get = async |key: &str, limit_bytes| objects.get(key, limit_bytes, none).await.unwrap();
    assert_eq!(get("a/3", 5).await, Object::Whole("again".into()));
    assert_eq!(get("a/3", 4).await, Object::TooLarge);
    assert_eq!(get("a/4", 4).await, Object::Absent);
}

#[tokio::test]
async fn all_keep_the_contract() {
    let mut servers = JoinSet::new();
    keep_the_contract(s3(&mut servers).await).await;
    keep_the_contract(MemoryObjects::default()).await;
    let folder = tempfile::tempdir().unwrap();
    keep_the_contract(FolderObjects::new(folder.path())).await;
}
