//! What X-Ray's daemon receives of an invocation: its steps, and what became of its events.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use archive::Archive;
use lambda_runtime::{Context as Invocation, LambdaEvent};
use millrace_domain::session::SessionState;
use millrace_lambda::function::handle;
use millrace_lambda::{Function, KinesisBatch, Meter, trace};
use millrace_testkit::{BatchBuilder, Journal, MemorySignals, MemorySink, MemoryStore, event};
use serde_json::{Value, json};
use sessions::Sessions;
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
const PARENT: &str = "53995c3f42cd8ad8";

/// Runs a batch in an invocation with this trace header; the documents that reached the daemon.
async fn sent(function: &impl Function, batch: KinesisBatch, header: Option<&str>) -> Vec<Value> {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    daemon.set_nonblocking(true).unwrap();
    let layer = trace::layer(&daemon.local_addr().unwrap().to_string()).unwrap();
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let mut context = Invocation::default();
    context.xray_trace_id = header.map(str::to_owned);
    let response = handle(function, LambdaEvent::new(batch, context)).await;
    assert!(response.batch_item_failures.is_empty());
    let mut documents = Vec::new();
    let mut datagram = vec![0; 65_536];
    while let Ok(length) = daemon.recv(&mut datagram) {
        let text = std::str::from_utf8(&datagram[..length]).unwrap();
        let (head, document) = text.split_once('\n').unwrap();
        assert_eq!(head, r#"{"format":"json","version":1}"#);
        documents.push(serde_json::from_str(document).unwrap());
    }
    documents
}

fn sampled() -> String {
    format!("Root={ROOT};Parent={PARENT};Sampled=1")
}

fn sink() -> MemorySink {
    MemorySink::noting("sink", Journal::default())
}

fn sessions_with(signals: &MemorySignals) -> Sessions<MemoryStore<SessionState>, MemorySink, MemorySignals> {
    let adapters = (MemoryStore::default(), sink(), signals.clone());
    Sessions::new(&sessions::Config::for_testing(), adapters, Arc::new(Meter::default()))
}

fn archive() -> Archive<MemorySink, MemorySink> {
    let meter = Arc::new(Meter::default());
    Archive::new(&archive::Config::for_testing(), sink(), sink(), meter)
}

fn names(document: &Value) -> Vec<&str> {
    document["subsegments"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect()
}

/// The annotations of the parts of this name.
fn annotations<'a>(document: &'a Value, name: &str) -> Vec<&'a Value> {
    let parts = document["subsegments"].as_array().unwrap().iter();
    parts.filter(|part| part["name"] == name).map(|part| &part["annotations"]).collect()
}

#[tokio::test]
async fn an_invocation_tells_its_steps_and_its_place_in_the_trace() {
    let batch = BatchBuilder::default().event(&event("1", "u").views("cup")).build();
    let [first, last] = batch.ends().map(|end| end.unwrap().to_owned());
    let documents = sent(&sessions_with(&MemorySignals::default()), batch, Some(&sampled())).await;
    let [document] = &documents[..] else { panic!("{documents:?}") };
    assert_eq!(document["name"], "sessions");
    assert_eq!(
        [&document["type"], &document["trace_id"], &document["parent_id"]],
        ["subsegment", ROOT, PARENT]
    );
    let place = &document["annotations"];
    assert_eq!([&place["first_sequence_number"], &place["last_sequence_number"]], [&*first, &*last]);
    assert_eq!(names(document), ["read", "fold", "put", "commit", "product.viewed"]);
    let parts = document["subsegments"].as_array().unwrap();
    let mut ids: Vec<_> = parts.iter().chain([document]).map(|part| part["id"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| id.len() == 16));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), parts.len() + 1, "each has an id of its own");
    for part in parts {
        let [start, end] = ["start_time", "end_time"].map(|time| part[time].as_f64().unwrap());
        assert!(start <= end && document["start_time"].as_f64() <= Some(start), "{part}");
    }
}

#[tokio::test]
async fn an_event_and_its_signals_are_found_by_one_cause() {
    let signals = MemorySignals::default();
    let batch = BatchBuilder::default()
        .event(&event("order-7", "u").orders("cup", 2, 500))
        .event(&event("order-7", "u").orders("cup", 2, 500))
        .build();
    let documents = sent(&sessions_with(&signals), batch, Some(&sampled())).await;
    let followed = annotations(&documents[0], "order.placed");
    assert_eq!(followed.iter().map(|it| &it["verdict"]).collect::<Vec<_>>(), ["applied", "duplicate"]);
    assert!(followed.iter().all(|it| it["event_id"] == "order-7" && it["arrival_lag_ms"].is_i64()));
    let causation_id = followed[0]["causation_id"].as_str().unwrap();

    let emitted_signals = signals.received();
    assert!(!emitted_signals.is_empty());
    let records = emitted_signals.iter().fold(
        BatchBuilder::default().of_stream(&archive::Config::for_testing().signals_stream),
        |batch, signal| batch.raw(&signal.key, signal.event_text("sessions").unwrap()),
    );
    let documents = sent(&archive(), records.build(), Some(&sampled())).await;
    let filed = annotations(&documents[0], "stock.sold");
    assert_eq!(
        (filed[0]["causation_id"].as_str(), &filed[0]["verdict"]),
        (Some(causation_id), &"applied".into())
    );
    assert!(names(&documents[0]).contains(&"put"));
}

#[tokio::test]
async fn of_many_events_all_functions_follow_the_same_ten() {
    let events: Vec<_> = (0..40).map(|id| event(format!("view-{id}"), "u").views("cup")).collect();
    let batch = || BatchBuilder::default().events(&events).build();
    let by_sessions = sent(&sessions_with(&MemorySignals::default()), batch(), Some(&sampled())).await;
    let by_archive = sent(&archive(), batch(), Some(&sampled())).await;
    let ids = |document| -> Vec<Value> {
        annotations(document, "product.viewed").iter().map(|it| it["event_id"].clone()).collect()
    };
    assert_eq!(ids(&by_sessions[0]).len(), 10);
    assert_eq!(ids(&by_sessions[0]), ids(&by_archive[0]));
}

#[tokio::test]
async fn a_type_that_is_not_known_is_named_as_xray_takes_names() {
    let batch =
        BatchBuilder::default().event(&event("1", "u").of_type("shop|viewed (twice)", json!({}))).build();
    let documents = sent(&archive(), batch, Some(&sampled())).await;
    assert_eq!(names(&documents[0]), ["put", "shop_viewed _twice_"]);
}

/// Counts the spans that are opened under a trace's target.
struct Opened(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Opened {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let is_of_trace = attributes.metadata().target() == "millrace_trace";
        self.0.fetch_add(usize::from(is_of_trace), Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_invocation_that_is_not_sampled_opens_no_span() {
    let opened = Arc::new(AtomicUsize::new(0));
    let _guard = tracing_subscriber::registry().with(Opened(Arc::clone(&opened))).set_default();
    for (header, expected) in [(None, 0), (Some(sampled()), 5)] {
        let batch = BatchBuilder::default().event(&event("1", "u").views("cup")).build();
        let mut context = Invocation::default();
        context.xray_trace_id = header;
        handle(&sessions_with(&MemorySignals::default()), LambdaEvent::new(batch, context)).await;
        assert_eq!(opened.load(Ordering::Relaxed), expected, "the invocation, and its four steps");
    }
}

#[tokio::test]
async fn an_invocation_that_is_not_sampled_tells_nothing() {
    let not_sampled = format!("Root={ROOT};Parent={PARENT};Sampled=0");
    for header in [None, Some(&*not_sampled)] {
        let batch = BatchBuilder::default().event(&event("1", "u").views("cup")).build();
        let documents = sent(&sessions_with(&MemorySignals::default()), batch, header).await;
        assert!(documents.is_empty(), "{documents:?}");
    }
}
