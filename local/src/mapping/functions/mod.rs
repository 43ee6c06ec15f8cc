//! The functions, linked into this program or behind a Lambda endpoint.

mod linked;
mod remote;
mod reports;

use std::sync::Arc;
use std::time::Duration;

use event_source_mapping::Invocation;
use linked::Linked;
use millrace_lambda::Clock;
use remote::Remote;
pub(crate) use reports::{Late, Metrics};
use serde::Deserialize;

use crate::clock;
use crate::error::Error;
use crate::options::Tuning;
use crate::trouble::Trouble;
use crate::world::Endpoints;

/// The timeout that the template gives the functions.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How one invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invoked {
    /// With this answer.
    Returned(Vec<u8>),
    /// With an error of the function.
    Failed(String),
    /// Nobody listens, or no execution was free.
    NotAtAll(String),
}

/// What a run of `close` came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Closed {
    /// Timers that came due and were put into the stream.
    pub(crate) put: u64,
    /// Whether everything that was due was taken.
    pub(crate) complete: bool,
}

/// The functions, wherever they are.
pub(crate) enum Functions {
    /// The handlers of this program.
    Linked(Arc<Linked>),
    /// Functions behind a Lambda endpoint such as `cargo lambda watch`.
    Remote(Box<Remote>),
}

impl Functions {
    /// The handlers of this program, over clients of these endpoints, in this trouble. Timers are set by `clock`, in
    /// epoch milliseconds.
    pub(crate) fn linked(
        tuning: &Tuning,
        endpoints: &Endpoints,
        clock: Clock,
        trouble: Option<Trouble>,
    ) -> Result<Self, Error> {
        Ok(Self::Linked(Arc::new(Linked::new(tuning, endpoints, clock, trouble)?)))
    }

    /// Functions behind a Lambda endpoint.
    pub(crate) fn remote(url: &str) -> Self {
        Self::Remote(Box::new(Remote::new(url)))
    }

    /// Whether they run in other programs.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Invokes a function with a batch.
    pub(crate) async fn invoke(&self, function: &str, invocation: &Invocation) -> Invoked {
        match self {
            Self::Linked(linked) => linked.invoke(function, invocation).await,
            Self::Remote(remote) => remote.invoke(function, invocation.event()).await,
        }
    }

    /// Runs `close` once, by this clock in epoch milliseconds, or by the wall clock. Functions that run elsewhere know
    /// the wall clock only.
    ///
    /// # Errors
    /// When it failed, in words; what it did until then is done.
    pub(crate) async fn close(&self, now_ms: Option<i64>) -> Result<Closed, String> {
        match self {
            Self::Linked(linked) => {
                let wall_ms = || i64::try_from(clock::now_ms()).unwrap_or(i64::MAX);
                linked.close(now_ms.unwrap_or_else(wall_ms)).await
            }
            Self::Remote(remote) => match remote.invoke("close", b"{}".to_vec()).await {
                Invoked::Returned(body) => {
                    serde_json::from_slice(&body).map_err(|error| format!("its answer: {error}"))
                }
                Invoked::Failed(why) | Invoked::NotAtAll(why) => Err(why),
            },
        }
    }

    /// Waits for invocations that go on though their mapping gave them up.
    pub(crate) async fn settle(&self) {
        if let Self::Linked(linked) = self {
            linked.settle().await;
        }
    }

    /// Metrics by function; empty for functions that print their lines elsewhere.
    pub(crate) fn metrics(&self) -> Metrics {
        match self {
            Self::Linked(linked) => linked.reports().metrics.clone(),
            Self::Remote(_) => Metrics::default(),
        }
    }

    /// Every late event that the functions reported so far; none for functions that run elsewhere.
    pub(crate) fn late(&self) -> Vec<Late> {
        match self {
            Self::Linked(linked) => linked.reports().late.clone(),
            Self::Remote(_) => Vec::new(),
        }
    }

    /// The trouble that the functions are in.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Linked(linked) => linked.trouble(),
            Self::Remote(_) => None,
        }
    }
}
