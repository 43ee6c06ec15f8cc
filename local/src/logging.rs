//! Progress bars, and warnings above them.

use std::io::{Result, Write, stderr};
use std::sync::LazyLock;

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

/// Every bar of this process.
pub(crate) static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Starts logging on standard error: what is wrong though the program goes on, such as an invocation that failed. In faults
/// that were asked for, those are no news, and only what is wrong with this program itself is told.
pub(crate) fn start(in_faults: bool) {
    let lines = fmt::layer().compact().with_target(false).with_writer(|| AboveBars);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(in_faults)));
    // Only fails where one is set already, which then goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn filter(in_faults: bool) -> Targets {
    if in_faults {
        return Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::ERROR);
    }
    Targets::new().with_default(LevelFilter::WARN)
}

/// Standard error, with the bars drawn anew below what is written.
struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        BARS.suspend(|| stderr().write(line))
    }

    fn flush(&mut self) -> Result<()> {
        stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn faults_that_were_asked_for_are_no_news() {
        let told = |in_faults, target, level| filter(in_faults).would_enable(target, &level);
        assert!(told(false, "millrace_local::mapping::driver", Level::WARN));
        assert!(told(false, "millrace_aws::firehose", Level::WARN));
        assert!(!told(false, "millrace_lambda::function", Level::INFO));
        assert!(!told(true, "millrace_local::mapping::driver", Level::WARN));
        assert!(!told(true, "millrace_aws::dynamodb::batch_get", Level::ERROR));
        assert!(told(true, "millrace_local::world", Level::ERROR));
    }
}
