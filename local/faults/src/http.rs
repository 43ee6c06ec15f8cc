//! The SDK's HTTP client, with faults.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;
use tokio::time::Instant;

use crate::partial::Partial;
use crate::process::{crash, process_id};
use crate::source::Source;
use crate::{Call, Fault};

/// A source that several clients draw from.
pub type SharedSource = Arc<Mutex<dyn Source>>;

/// An HTTP client whose calls meet faults.
#[derive(Clone)]
pub struct FaultyHttp {
    inner: SharedHttpClient,
    source: SharedSource,
    began: Instant,
}

impl FaultyHttp {
    /// A client that passes on to `inner` what it lets through.
    pub fn new(inner: impl HttpClient + 'static, source: SharedSource, began: Instant) -> Self {
        Self { inner: SharedHttpClient::new(inner), source, began }
    }
}

impl fmt::Debug for FaultyHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyHttp").finish_non_exhaustive()
    }
}

impl HttpClient for FaultyHttp {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, source: Arc::clone(&self.source), began: self.began })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    inner: SharedHttpConnector,
    source: SharedSource,
    began: Instant,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(call) = Call::of(&request) else { return self.inner.call(request) };
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        // The source is whole at every point where a panic could leave the lock behind.
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = source.next(process_id().unwrap_or_default(), call, now_ms);
        drop(source);
        match fault {
            None => self.inner.call(request),
            Some(fault) => HttpConnectorFuture::new(carry_out(self.inner.clone(), call, fault, request)),
        }
    }
}

async fn carry_out(
    inner: SharedHttpConnector,
    call: Call,
    fault: Fault,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    match fault {
        Fault::Throttled | Fault::Denied | Fault::ServerError => refusal(call, fault),
        Fault::RequestLost => Err(lost("the request was lost")),
        Fault::CrashBefore => crash().await,
        Fault::SlowRequest(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            inner.call(request).await
        }
        Fault::Partly(_) if call == Call::List => {
            let uri = shortened(request.uri());
            request.set_uri(uri).map_err(|error| ConnectorError::other(error.into(), None))?;
            inner.call(request).await
        }
        Fault::Partly(mask) => partly(inner, call, mask, request).await,
        Fault::AnswerLost => {
            inner.call(request).await?;
            Err(lost("the answer was lost"))
        }
        Fault::ServerErrorAfterEffect => {
            inner.call(request).await?;
            refusal(call, fault)
        }
        Fault::CrashAfter => {
            inner.call(request).await?;
            crash().await
        }
        Fault::SlowAnswer(ms) => {
            let answer = inner.call(request).await;
            tokio::time::sleep(Duration::from_millis(ms)).await;
            answer
        }
    }
}

async fn partly(
    inner: SharedHttpConnector,
    call: Call,
    mask: u64,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let whole: Option<Value> = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
    let partial = whole.as_ref().and_then(|whole| Partial::of(call, whole.clone(), mask));
    let (Some(whole), Some(partial)) = (whole, partial) else { return inner.call(request).await };
    let answer = match &partial.request {
        None => None,
        Some(let_through) => {
            let body = let_through.to_string();
            let length = body.len().to_string();
            *request.body_mut() = SdkBody::from(body);
            request.headers_mut().insert("content-length", length);
            let response = inner.call(request).await?;
            match response.status().is_success() {
                true => Some(read_body(response).await?),
                // What is refused as a whole needs no refusal of its parts.
                false => return Ok(response),
            }
        }
    };
    response(200, partial.answer(&whole, answer).to_string())
}

/// The address of a list that has one entry at most.
fn shortened(uri: &str) -> String {
    let Some((path, query)) = uri.split_once('?') else { return uri.to_owned() };
    let one = |field| if str::starts_with(field, "max-keys=") { "max-keys=1" } else { field };
    format!("{path}?{}", query.split('&').map(one).collect::<Vec<_>>().join("&"))
}

async fn read_body(response: HttpResponse) -> Result<Value, ConnectorError> {
    let body = ByteStream::new(response.into_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    serde_json::from_slice(&body.into_bytes()).map_err(|error| ConnectorError::other(error.into(), None))
}

/// A refusal in the words of the service.
fn refusal(call: Call, fault: Fault) -> Result<HttpResponse, ConnectorError> {
    let (status, code) = match (fault, call.is_of_objects()) {
        (Fault::Throttled, _) => throttle(call),
        (Fault::Denied, true) => (403, "AccessDenied"),
        (Fault::Denied, false) => (400, "AccessDeniedException"),
        (_, true) => (500, "InternalError"),
        (_, false) => (500, "InternalServerError"),
    };
    response(
        status,
        match call.is_of_objects() {
            true => format!("<Error><Code>{code}</Code><Message>made on purpose</Message></Error>"),
            false => format!(r#"{{"__type":"{code}","message":"made on purpose"}}"#),
        },
    )
}

const fn throttle(call: Call) -> (u16, &'static str) {
    match call {
        Call::Read | Call::Write | Call::Arm | Call::Due | Call::Cursor | Call::Scan => {
            (400, "ThrottlingException")
        }
        Call::Deliver => (400, "ServiceUnavailableException"),
        Call::Publish => (400, "ProvisionedThroughputExceededException"),
        Call::List | Call::Get | Call::Put => (503, "SlowDown"),
    }
}

fn response(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}

fn lost(why: &str) -> ConnectorError {
    ConnectorError::timeout(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_list_asks_for_one_wherever_the_limit_stands() {
        for (whole, short) in [
            ("https://b/?list-type=2&max-keys=1000&prefix=a", "https://b/?list-type=2&max-keys=1&prefix=a"),
            ("https://b/?max-keys=9&list-type=2", "https://b/?max-keys=1&list-type=2"),
            ("https://b/key", "https://b/key"),
        ] {
            assert_eq!(shortened(whole), short);
        }
    }
}
