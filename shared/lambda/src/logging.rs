//! Structured logs on standard output: one JSON object a line, never a payload. Traces start beside them.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::environment;
use crate::trace;

/// What every function is made of, which keeps payloads out of what it logs.
const SHARED: [&str; 3] = ["millrace_lambda", "millrace_aws", "millrace_object_store"];

/// The runtime's span, from informational on. It holds the ids of a request, so errors that the runtime logs have them.
const REQUEST_SPAN: &str = "lambda_runtime::layers::trace";

/// Starts logging, and traces where there is a daemon. The function's crate, such as `module_path!()` of its `main.rs`, and
/// ours log at this level, all others from warnings on, since the runtime and the SDK show whole payloads below that. A
/// second start in one process changes nothing.
///
/// A panic is logged by its location alone: its message may quote an event.
pub fn start(function: &str, level: Level) {
    let filter = filter(function, level);
    let json = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // Lambda says where its daemon is, and in each invocation whether that is to be traced.
    let traces = environment("AWS_XRAY_DAEMON_ADDRESS").and_then(|daemon| trace::layer(&daemon));
    let subscriber = tracing_subscriber::registry().with(json.with_filter(filter)).with(traces);
    // Only fails when a subscriber is set already, which is then the one that was asked for.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "panicked");
    }));
}

fn filter(function: &str, level: Level) -> Targets {
    let level = LevelFilter::from_level(level);
    let own = SHARED.into_iter().chain([function]);
    let targets = own.map(|name| (name, level)).chain([(REQUEST_SPAN, LevelFilter::INFO)]);
    Targets::new().with_default(LevelFilter::WARN).with_targets(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_keeps_payloads_out_is_heard_below_warnings() {
        let filter = filter("loyalty", Level::INFO);
        for own in ["loyalty", "loyalty::apply", "millrace_lambda::function", "millrace_aws"] {
            assert!(filter.would_enable(own, &Level::INFO), "{own}");
            assert!(!filter.would_enable(own, &Level::DEBUG), "{own}");
        }
        for other in ["aws_smithy_runtime", "lambda_runtime", "hyper"] {
            assert!(!filter.would_enable(other, &Level::INFO), "{other}");
            assert!(filter.would_enable(other, &Level::WARN), "{other}");
        }
        let everything = super::filter("loyalty", Level::TRACE);
        assert!(
            !everything.would_enable(trace::TARGET, &Level::TRACE),
            "a trace's spans would hide the request's"
        );
    }
}
