//! Spans of an invocation, sent to the X-Ray daemon as one datagram when it ends.

use std::fmt::Debug;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Header;
use super::segment::Segment;
use crate::clock::wall_ms;

/// Most steps of an invocation that are reported. A batch takes four a round, and seldom needs a second round.
const STEPS_LIMIT: usize = 48;

/// Listens to spans under [`super::TARGET`].
#[derive(Debug)]
pub(crate) struct XRay {
    daemon: UdpSocket,
    segment_count: AtomicU64,
}

/// A span that is not ended.
struct Open {
    started_s: f64,
    fields: Fields,
    parts: Vec<Segment>,
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl XRay {
    /// Sends to the daemon at this address; `None` where nothing can be sent to it.
    pub(crate) fn of(daemon: &str) -> Option<Self> {
        let daemon: SocketAddr = daemon.parse().ok()?;
        let any: SocketAddr = if daemon.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 16], 0).into() };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(daemon).ok()?;
        // A trace that cannot be sent at once is not worth a wait.
        socket.set_nonblocking(true).ok()?;
        Some(Self { daemon: socket, segment_count: AtomicU64::new(0) })
    }

    fn part(&self, name: String, started_s: f64, annotations: Map<String, Value>) -> Segment {
        let id = Segment::id(self.segment_count.fetch_add(1, Ordering::Relaxed), started_s);
        Segment { id, name, start_time: started_s, end_time: now_s(), annotations, subsegments: Vec::new() }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for XRay {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut open = Open { started_s: now_s(), fields: Fields::default(), parts: Vec::new() };
        attributes.record(&mut open.fields);
        span.extensions_mut().insert(open);
    }

    /// What became of an event that is followed. Its segment has the time of its invocation.
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let mut extensions = span.extensions_mut();
        let Some(open) = extensions.get_mut::<Open>() else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let part = self.part(fields.take("event_type"), open.started_s, fields.0);
        open.parts.push(part);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut open) = span.extensions_mut().remove::<Open>() else { return };
        if let Some(parent) = span.parent() {
            let part = self.part(open.fields.take("name"), open.started_s, open.fields.0);
            let mut extensions = parent.extensions_mut();
            if let Some(parent) = extensions.get_mut::<Open>().filter(|open| open.parts.len() < STEPS_LIMIT) {
                parent.parts.push(part);
            }
            return;
        }
        let Some(header) = Header::read(&open.fields.take("header")) else { return };
        let mut whole = self.part(open.fields.take("function"), open.started_s, open.fields.0);
        whole.subsegments = open.parts;
        if let Some(datagram) = whole.datagram(&header) {
            // Where no daemon listens, nobody reads an error either.
            let _ = self.daemon.send(&datagram);
        }
    }
}

impl Fields {
    /// Takes a text out.
    fn take(&mut self, name: &str) -> String {
        match self.0.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}

fn now_s() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age have 41 bits")]
    let ms = wall_ms() as f64;
    ms / 1_000.0
}
