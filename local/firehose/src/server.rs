//! The endpoint over HTTP, and its clock-driven deliveries.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;

use crate::files::DeliveryError;
use crate::firehose::Firehose;
use crate::limits::HTTP_BODY_MAX_BYTES;
use crate::protocol::{ApiError, Response};

const TARGET_HEADER: &str = "x-amz-target";
const AWS_JSON: &str = "application/x-amz-json-1.1";

/// Time between two looks at the buffers' intervals; short against the shortest useful interval.
const TICK: Duration = Duration::from_secs(1);

impl Firehose {
    /// The endpoint as a router: POST on `/`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", post(answer))
            .layer(DefaultBodyLimit::max(HTTP_BODY_MAX_BYTES))
            .with_state(Arc::clone(self))
    }

    /// Answers a call on a blocking thread: de-aggregation takes time and a delivery holds the lock while it
    /// writes.
    pub async fn respond(self: &Arc<Self>, target: &str, body: Bytes) -> Response {
        let (firehose, target) = (Arc::clone(self), target.to_owned());
        match tokio::task::spawn_blocking(move || firehose.handle(&target, &body)).await {
            Ok(response) => response,
            Err(error) => ApiError::Internal(format!("the call was not completed: {error}")).into(),
        }
    }

    /// Delivers by the clock until `shutdown` resolves, then delivers the rest. A failed delivery is logged
    /// and tried again at the next tick.
    ///
    /// # Errors
    /// A file that could not be written at the end: its rows are lost with the process.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) -> Result<(), DeliveryError> {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(TICK) => {}
            }
            let ticked = self.on_blocking_thread(|firehose| firehose.tick((firehose.options.clock)())).await;
            if let Err(error) = ticked {
                tracing::error!(error = &error as &dyn std::error::Error, "failed to deliver");
            }
        }
        self.on_blocking_thread(Self::flush).await
    }

    async fn on_blocking_thread(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<(), DeliveryError> + Send + 'static,
    ) -> Result<(), DeliveryError> {
        let firehose = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&firehose)).await.unwrap_or_else(|error| Err(error.into()))
    }
}

async fn answer(State(firehose): State<Arc<Firehose>>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers.get(TARGET_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let response = firehose.respond(target, body).await;
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, AWS_JSON)], response.body)
}
