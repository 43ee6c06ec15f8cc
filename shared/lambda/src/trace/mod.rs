//! Traces of sampled invocations, sent to the X-Ray daemon that Lambda runs beside a function.
//!
//! An invocation is a subsegment of Lambda's own segment, with its steps inside, and with a few of its events: what was
//! decided about each, and how long after its arrival. An event and the signals that it causes carry one
//! `causation_id`, so that X-Ray finds all invocations that had to do with it. Nothing is done in an invocation that is
//! not sampled.

mod followed;
mod header;
mod segment;
mod xray;

use std::future::Future;

pub use followed::follow;
use header::Header;
use tracing::{Instrument, Level, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use xray::XRay;

use crate::kinesis_event::KinesisBatch;

/// The target of spans and events of traces; logs leave it out.
pub(crate) const TARGET: &str = "millrace_trace";

/// Sends traces to the daemon at this address, such as `169.254.79.129:2000`; `None` where nothing can be sent to it.
pub fn layer<S>(daemon: &str) -> Option<impl Layer<S> + Send + Sync + use<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    XRay::of(daemon).map(|layer| layer.with_filter(Targets::new().with_target(TARGET, Level::TRACE)))
}

/// The span of a batch, if its invocation is sampled.
pub(crate) fn batch(function: &str, header: Option<&str>, batch: &KinesisBatch) -> Span {
    let Some(header) = sampled(header) else { return Span::none() };
    let [first, last] = batch.ends();
    tracing::trace_span!(
        target: TARGET,
        "invocation",
        function,
        header,
        stream = batch.shard.stream(),
        shard_id = batch.shard.id(),
        first_sequence_number = first,
        last_sequence_number = last,
    )
}

/// The span of a call by hand or by a schedule, if its invocation is sampled.
pub(crate) fn call(function: &str, header: Option<&str>) -> Span {
    let Some(header) = sampled(header) else { return Span::none() };
    tracing::trace_span!(target: TARGET, "invocation", function, header)
}

/// A header, where it is of a sampled invocation.
fn sampled(header: Option<&str>) -> Option<&str> {
    header.filter(|header| Header::read(header).is_some())
}

/// Does a step of an invocation, under its name.
pub async fn step<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let span = match is_traced() {
        true => tracing::trace_span!(target: TARGET, "step", name),
        false => Span::none(),
    };
    // Boxed: adapters and spans in one future pass the compiler's limits.
    Box::pin(work).instrument(span).await
}

/// Whether work goes on in a sampled invocation.
fn is_traced() -> bool {
    Span::current().metadata().is_some_and(|metadata| metadata.target() == TARGET)
}
