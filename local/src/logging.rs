//! Progress bars, and warnings above them.

use std::io::{Result, Write, stderr};
use std::sync::LazyLock;

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

/// Crates whose errors nobody makes on purpose.
const OWN: [&str; 2] = [env!("CARGO_CRATE_NAME"), "local_firehose"];

/// Every bar of this process.
pub(crate) static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Starts logging on standard error: what is wrong though the program goes on, such as an invocation that failed. In faults
/// that are made on purpose those are no news: only what is wrong with this program itself is logged.
pub(crate) fn start(in_faults: bool) {
    let lines = fmt::layer().compact().log_internal_errors(false).with_writer(|| AboveBars);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(in_faults)));
    // Only fails where one is set already, which then goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn filter(in_faults: bool) -> Targets {
    let other = if in_faults { LevelFilter::OFF } else { LevelFilter::WARN };
    let own = if in_faults { LevelFilter::ERROR } else { LevelFilter::WARN };
    let targets = OWN.into_iter().map(|name| (name, own));
    // It warns of every condition that does not hold, which is for functions to judge.
    Targets::new()
        .with_default(other)
        .with_targets(targets)
        .with_target("dynoxide", other.min(LevelFilter::ERROR))
}

/// Standard error, with the bars drawn anew below what is written.
struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        BARS.suspend(|| stderr().write_all(line)).map(|()| line.len())
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
    fn faults_that_are_made_on_purpose_are_no_news() {
        let enabled = |in_faults, target, level| filter(in_faults).would_enable(target, &level);
        assert!(enabled(false, "millrace_local::mapping::driver", Level::WARN));
        assert!(enabled(false, "millrace_aws::firehose", Level::WARN));
        assert!(!enabled(false, "millrace_lambda::function", Level::INFO));
        assert!(!enabled(false, "dynoxide::server", Level::WARN));
        assert!(!enabled(true, "millrace_local::mapping::driver", Level::WARN));
        assert!(!enabled(true, "millrace_aws::dynamodb::batch_get", Level::ERROR));
        assert!(!enabled(true, "dynoxide::server", Level::ERROR));
        assert!(enabled(true, "millrace_local::world", Level::ERROR));
        assert!(enabled(true, "local_firehose::server", Level::ERROR));
    }
}
