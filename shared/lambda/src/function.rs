//! A function as Lambda runs it: batch in, partial response out, one document of metrics.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lambda_events::event::streams::KinesisEventResponse;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::Instrument;

use crate::answer::answer;
use crate::clock::wall_ms;
use crate::deadline::Deadline;
use crate::emf::{self, Counted};
use crate::kinesis_event::KinesisBatch;
use crate::meter::Usage;
use crate::tally::Tally;
use crate::trace;

/// A consumer of a stream.
pub trait Function: Send + Sync {
    /// Its name, in metrics and in the quarantine.
    fn name(&self) -> &'static str;

    /// Does a batch, as far as it goes.
    fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> impl Future<Output = Report> + Send;
}

/// What a batch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Verdicts, and how far the batch was done.
    pub tally: Tally,
    /// What was used up.
    pub usage: Usage,
}

/// Runs one invocation: a batch that cannot be done to its end names its first record that is not done. Whatever is logged
/// meanwhile says which request, shard and sequence numbers it is of.
pub async fn handle(function: &impl Function, event: LambdaEvent<KinesisBatch>) -> KinesisEventResponse {
    let LambdaEvent { payload: batch, context } = event;
    let deadline = Deadline::new(context.deadline, wall_ms());
    let [first, last] = batch.ends();
    let span = tracing::error_span!(
        "batch",
        request_id = context.request_id,
        stream = batch.shard.stream(),
        shard_id = batch.shard.id(),
        first_sequence_number = first,
        last_sequence_number = last,
    );
    let traced = trace::batch(function.name(), context.xray_trace_id.as_deref(), &batch);
    let work = invoke(function, &batch, deadline).instrument(traced);
    let (response, mut document, _) = work.instrument(span).await;
    print_metrics(&mut document, &context.request_id);
    response
}

/// Whether this process has yet to end its first invocation.
static IS_COLD: AtomicBool = AtomicBool::new(true);

/// Prints a document of metrics with the request that it is of.
fn print_metrics(document: &mut Value, request_id: &str) {
    emf::add_request(document, request_id, IS_COLD.swap(false, Ordering::Relaxed));
    emf::print(document);
}

/// Runs a batch and gives back the response, the document of metrics, and the verdicts that it counts.
pub async fn invoke<F: Function>(
    function: &F,
    batch: &KinesisBatch,
    deadline: Deadline,
) -> (KinesisEventResponse, Value, Tally) {
    let report = function.process(batch, deadline).await;
    if let Some(record) = report.tally.checkpoint.record().and_then(|record| batch.records.get(record)) {
        tracing::warn!(
            function = function.name(),
            sequence_number = record.sequence_number.as_str(),
            error = report.tally.why,
            "the batch ends early",
        );
    }
    let document = emf::document(function.name(), batch, &report.tally, &report.usage, wall_ms());
    (answer(batch, report.tally.checkpoint), document, report.tally)
}

/// Serves invocations until the environment ends.
///
/// # Errors
/// When Lambda's runtime API cannot be reached.
pub async fn serve(function: &impl Function) -> Result<(), lambda_runtime::Error> {
    // Boxed once an invocation: the runtime's layers around so deep a future pass the compiler's limits.
    let answer =
        |event| Box::pin(async move { Ok::<_, std::convert::Infallible>(handle(function, event).await) });
    lambda_runtime::run(service_fn(answer)).await
}

/// Serves a function that is called with a request of its own, by hand or by a schedule, until the environment ends. An
/// error of the call fails the invocation: Lambda counts it, and may try again. `name` is the function's, in metrics.
///
/// # Errors
/// When Lambda's runtime API cannot be reached.
pub async fn serve_calls<I, O, E>(
    name: &str,
    call: impl AsyncFn(I, Deadline) -> Result<O, E>,
) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize + Counted,
    E: std::error::Error + Counted + Send + Sync + 'static,
{
    let call = &call;
    let answer = |event: LambdaEvent<I>| {
        Box::pin(async move {
            let LambdaEvent { payload, context } = event;
            let deadline = Deadline::new(context.deadline, wall_ms());
            let span = tracing::error_span!("call", request_id = context.request_id);
            let traced = trace::call(name, context.xray_trace_id.as_deref());
            let answer = call(payload, deadline).instrument(traced).instrument(span).await;
            let counted: &dyn Counted = match &answer {
                Ok(answer) => answer,
                Err(error) => error,
            };
            print_metrics(&mut emf::call_document(name, counted, wall_ms()), &context.request_id);
            answer.map_err(lambda_runtime::Error::from)
        })
    };
    lambda_runtime::run(service_fn(answer)).await
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use millrace_domain::SequenceNumber;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::kinesis_event::KinesisRecord;

    /// Does all but the last record.
    struct Almost;

    impl Function for Almost {
        fn name(&self) -> &'static str {
            "almost"
        }

        async fn process(&self, batch: &KinesisBatch, _deadline: Deadline) -> Report {
            let checkpoint = Checkpoint::at(batch.records.len() - 1);
            let verdicts = vec![(0, Some(millrace_domain::Verdict::Applied))];
            Report { tally: Tally { checkpoint, verdicts, ..Tally::default() }, usage: Usage::default() }
        }
    }

    fn batch() -> KinesisBatch {
        let record = |sequence: &str| KinesisRecord {
            sequence_number: SequenceNumber::parse(sequence).unwrap(),
            partition_key: "u".to_owned(),
            arrived_at_ms: 0,
            data: bytes::Bytes::new(),
        };
        KinesisBatch { records: vec![record("7"), record("8")], ..KinesisBatch::default() }
    }

    #[tokio::test]
    async fn an_invocation_is_answered_counted_and_dated() {
        let (response, document, tally) = invoke(&Almost, &batch(), Deadline::NONE).await;
        assert_eq!(response, answer(&batch(), Checkpoint::at(1)));
        assert_eq!((&document["function"], &document["applied"]), (&"almost".into(), &1.into()));
        assert!(document["_aws"]["Timestamp"].as_u64() > Some(1_700_000_000_000), "in epoch milliseconds");
        assert_eq!(tally.verdicts.len(), 1);
    }

    #[tokio::test]
    async fn what_was_not_done_is_answered_to_lambda() {
        let response = handle(&Almost, LambdaEvent::new(batch(), Context::default())).await;
        assert_eq!(response, answer(&batch(), Checkpoint::at(1)));
    }
}
