//! The operator's redrive: the real function over the model's bucket and stream.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use local_faults::run_process;
use millrace_aws::KinesisStream;
use millrace_lambda::Deadline;
use millrace_object_store::S3Objects;
use redrive::{Answer, Config, DeadLetters, Mode, Request};

/// How long an invocation of redrive may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What one redrive needs.
#[derive(Clone)]
pub(super) struct Operator {
    config: Arc<Config>,
    objects: S3Objects,
    stream: KinesisStream,
}

impl Operator {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let config = Config::for_testing();
        let (objects, stream) = redrive::adapters(&config, sdk);
        Self { config: Arc::new(config), objects, stream }
    }

    /// Redrives dead letters of a kind as far as it goes; nothing is answered where the process died.
    pub(super) async fn redrive(self, process: u64, dead_letters: DeadLetters) -> Option<Answer> {
        let request = Request::new(dead_letters, Mode::Run);
        let deadline = Deadline::after(TIMEOUT);
        let work = redrive::run(&self.objects, &self.stream, &self.config, &request, deadline);
        let limited = tokio::time::timeout(TIMEOUT, work);
        run_process(process, limited).await.ok()?.ok()
    }
}
