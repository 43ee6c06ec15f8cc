//! The port to the table of timers, as a consumer sees it.

use std::future::Future;

use millrace_domain::signal::Signal;
use millrace_domain::timer::Timer;

use crate::deadline::Deadline;
use crate::ports::{NotAccepted, SignalFailure, SignalSink};

/// Takes timers, at least once.
pub trait TimerSink: Send + Sync {
    /// Sets timers. One that is set already stays as it is.
    ///
    /// # Errors
    /// The first timer that was not accepted within the deadline.
    fn set(
        &self,
        timers: &[Timer],
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), NotAccepted>> + Send;
}

/// The sink of a consumer that emits signals and sets timers.
#[derive(Clone, Debug)]
pub struct SignalsAndTimers<G, M> {
    /// Where signals go.
    pub signals: G,
    /// Where timers are.
    pub timers: M,
}

impl<G: SignalSink, M: TimerSink> SignalSink for SignalsAndTimers<G, M> {
    fn put(
        &self,
        signals: &[Signal],
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), SignalFailure>> + Send {
        self.signals.put(signals, deadline)
    }

    fn set(
        &self,
        timers: &[Timer],
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), NotAccepted>> + Send {
        self.timers.set(timers, deadline)
    }
}
