//! The operator's redrive: the real function over the model's bucket and stream.

use std::sync::Arc;
use std::time::Duration;

use local_faults::run_process;
use millrace_aws::KinesisStream;
use millrace_lambda::Deadline;
use redrive::{Answer, Config, Mode, Request, Source};

use crate::world::{ModelObjects, World};

/// How long an invocation of redrive may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What one redrive needs.
#[derive(Clone)]
pub(super) struct Operator {
    config: Arc<Config>,
    objects: ModelObjects,
    stream: KinesisStream,
}

impl Operator {
    pub(super) fn new(world: &Arc<World>, stream: KinesisStream) -> Self {
        let objects = ModelObjects::new(Arc::clone(world));
        Self { config: Arc::new(Config::for_testing()), objects, stream }
    }

    /// Redrives a source as far as it goes; nothing is answered where the process died.
    pub(super) async fn redrive(self, process: u64, source: Source) -> Option<Answer> {
        let request = Request::new(source, Mode::Run);
        let deadline = Deadline::after(TIMEOUT);
        let work = redrive::run(&self.objects, &self.stream, &self.config, &request, deadline);
        let limited = tokio::time::timeout(TIMEOUT, work);
        run_process(process, limited).await.ok()?.ok()
    }
}
