//! A proxy before the DynamoDB emulator that throttles the first writes: the emulator itself never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::any;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const WRITE_TARGET: &str = "DynamoDB_20120810.BatchExecuteStatement";
const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate of requests exceeds the allowed throughput."}"#;

struct Proxy {
    client: Client<HttpConnector, Body>,
    upstream: String,
    to_throttle: AtomicU64,
}

/// A router that passes everything on to `upstream`, but for its first `writes` write requests.
pub(super) fn proxy(upstream: String, writes: u64) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let proxy = Proxy { client, upstream, to_throttle: AtomicU64::new(writes) };
    Router::new().fallback(any(pass)).with_state(Arc::new(proxy))
}

async fn pass(State(proxy): State<Arc<Proxy>>, mut request: Request) -> Response {
    let is_write = request.headers().get("x-amz-target").is_some_and(|target| target == WRITE_TARGET);
    let left = |left: u64| left.checked_sub(1);
    if is_write && proxy.to_throttle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok() {
        return answer(StatusCode::BAD_REQUEST, THROTTLED);
    }
    let Ok(uri) = proxy.upstream.parse::<Uri>() else {
        return answer(StatusCode::BAD_GATEWAY, "the upstream address is no URI");
    };
    *request.uri_mut() = uri;
    match proxy.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => answer(StatusCode::BAD_GATEWAY, "the DynamoDB emulator does not answer"),
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
