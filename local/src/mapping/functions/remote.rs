//! Functions behind a Lambda endpoint.

use std::error::Error;

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::{Invoked, TIMEOUT};

/// A server that takes invocations as AWS does.
pub(crate) struct Remote {
    url: String,
    client: Client<HttpConnector, Body>,
}

impl Remote {
    pub(super) fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { url, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    pub(super) async fn invoke(&self, function: &str, event: Vec<u8>) -> Invoked {
        // Compiling comes first where the server watches its sources. So the timeout ends only a call to a server that
        // hangs.
        let call = tokio::time::timeout(10 * TIMEOUT, self.call(function, event));
        call.await.unwrap_or_else(|_| Invoked::Failed("no answer in ten minutes".to_owned()))
    }

    async fn call(&self, function: &str, event: Vec<u8>) -> Invoked {
        let uri = format!("{}/2015-03-31/functions/{function}/invocations", self.url);
        let request = Request::post(uri).header(header::CONTENT_TYPE, "application/json");
        let request = match request.body(Body::from(event)) {
            Ok(request) => request,
            Err(error) => return Invoked::NotAtAll(error.to_string()),
        };
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return Invoked::NotAtAll("nobody listens there".to_owned());
            }
            Err(error) => return Invoked::Failed(with_source(&error)),
        };
        let status = response.status();
        let failed = response.headers().contains_key("x-amz-function-error");
        let body = match response.into_body().collect().await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) => return Invoked::Failed(with_source(&error)),
        };
        match status.as_u16() {
            200..300 if !failed => Invoked::Returned(body),
            404 | 429 => Invoked::NotAtAll(format!("HTTP {status}")),
            _ => Invoked::Failed(format!("HTTP {status}: {}", String::from_utf8_lossy(&body))),
        }
    }
}

/// An error with what it comes from, which says more than itself where a connection breaks.
fn with_source(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
