//! A consumer as a function of its own.

use std::sync::Arc;

use millrace_domain::fold::KeyState;

use super::Stateful;
use crate::batch::Batch;
use crate::deadline::Deadline;
use crate::function::{Function, Report};
use crate::kinesis_event::KinesisBatch;
use crate::meter::Meter;
use crate::ports::{JsonLineSink, SignalSink, Store};

/// A function that is nothing but the loop over one state.
#[derive(Debug)]
pub struct Consumer<S: KeyState, T, Q, G> {
    /// The loop.
    pub stateful: Stateful<S, T, Q, G>,
    /// What the state is tuned by.
    pub settings: S::Settings,
    /// What the adapters report to.
    pub meter: Arc<Meter>,
}

impl<S, T, Q, G> Function for Consumer<S, T, Q, G>
where
    S: KeyState + Send + Sync,
    S::Settings: Send + Sync,
    T: Store<S>,
    Q: JsonLineSink,
    G: SignalSink,
{
    fn name(&self) -> &'static str {
        self.stateful.function
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        let tally = self.stateful.run(&Batch::open(batch), &self.settings, deadline).await;
        Report { tally, usage: self.meter.take() }
    }
}
