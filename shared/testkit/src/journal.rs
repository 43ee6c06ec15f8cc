//! What the adapters of one test were asked to do, in order.

use std::sync::{Arc, Mutex, MutexGuard};

use millrace_domain::signal::Signal;
use millrace_domain::timer::Timer;
use serde_json::Value;

/// One thing that an adapter did.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// These keys were read.
    Read(Vec<String>),
    /// These keys were written, or tried to be.
    Commit(Vec<String>),
    /// A signal was accepted.
    Signal(Signal),
    /// A timer was set.
    Timer(Timer),
    /// A line was accepted by the sink of this name.
    Line(&'static str, Value),
}

/// A list of steps that adapters share; clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Step>>>);

impl Journal {
    /// Everything since the last call.
    pub fn take(&self) -> Vec<Step> {
        std::mem::take(&mut self.lock())
    }

    /// Everything since the last call, each in a word or two: `read u,v`, `signal u 1`, `timer u 5`,
    /// `<sink> <reason>`, `commit u`.
    pub fn take_words(&self) -> Vec<String> {
        self.take().iter().map(Step::words).collect()
    }

    /// Adds a step.
    pub fn note(&self, step: Step) {
        self.lock().push(step);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Step>> {
        self.0.lock().expect("no adapter panics while it writes")
    }
}

impl Step {
    fn words(&self) -> String {
        match self {
            Self::Read(keys) => format!("read {}", keys.join(",")),
            Self::Commit(keys) => format!("commit {}", keys.join(",")),
            Self::Signal(signal) => format!("signal {} {}", signal.key, signal.data.trim_matches('"')),
            Self::Timer(timer) => format!("timer {} {}", timer.key, timer.due_at_ms),
            Self::Line(sink, document) => match document.get("reason").and_then(Value::as_str) {
                Some(reason) => format!("{sink} {reason}"),
                None => format!("{sink} {}", document.get("id").and_then(Value::as_str).unwrap_or_default()),
            },
        }
    }
}
