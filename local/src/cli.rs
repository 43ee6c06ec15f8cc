//! The command line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::commands::redrive::Redrive;
use crate::error::Error;
use crate::logging;
use crate::options::{Limits, Tuning, functions_url};

/// Shop events through Kinesis into session state, signals and a Parquet lake, on one machine.
///
/// Without a command it shows a demo.
#[derive(Debug, Parser)]
#[command(name = "millrace", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay fixtures and made-up users through all functions, and show what came of it
    Demo,
    /// Replay files of events, and write tables, signals, lake, quarantine and a summary
    Replay(Replay),
    /// Redrive the dead letters of a replay, through the stream
    Redrive(Redrive),
    /// Keep the endpoints running for `cargo lambda watch` and any SDK client
    Serve(Serve),
    /// Write events of made-up users as JSON lines
    Generate(Generate),
    /// Load reorder points and targets from a file into a DynamoDB table
    ReorderPoints(ReorderPoints),
}

impl Command {
    /// Whether services fail on purpose.
    fn makes_faults(&self) -> bool {
        match self {
            Self::Demo => true,
            Self::Replay(replay) => replay.faults.is_some(),
            _ => false,
        }
    }
}

/// Options of `replay`.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// CloudEvents as JSON lines, plain or packed with gzip or zstd, or Online Retail invoice lines in Parquet
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to write; must not hold the output of an earlier run
    #[arg(long, default_value = "out", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Send every event twice, the copy later by up to N events
    #[arg(long, value_name = "N")]
    pub(crate) duplicates_within: Option<usize>,
    /// Seed of all that is drawn by lot
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Send the batches to a running server, such as `cargo lambda watch`, instead of the linked handlers
    #[arg(long, value_name = "URL", value_parser = functions_url)]
    pub(crate) functions_url: Option<String>,
    /// Let services and invocations fail as this seed draws it: throttles, partial failures, lost requests and answers,
    /// server errors, slowness, outages, crashes. The linked handlers meet them, so it does not go with --functions-url
    #[arg(long, value_name = "SEED")]
    pub(crate) faults: Option<u64>,
    /// Leave sessions open that no event closes; without it, remaining timers fire at the end of the input
    #[arg(long)]
    pub(crate) keep_open: bool,
    /// Count every product of the input at N pieces before its first event
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=1_000_000_000))]
    pub(crate) opening_stock: Option<i64>,
    /// Reorder points and targets by product: a CSV file with the header sku,reorder_point,reorder_target
    #[arg(long, value_name = "FILE")]
    pub(crate) reorder_points: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) ports: Ports,
}

impl Replay {
    /// Refuses options that do not go together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let why = "--faults does not go with --functions-url: faults are made between the linked handlers and their services, \
            and functions behind a URL have clients of their own";
        match (self.faults, &self.functions_url) {
            (Some(_), Some(_)) => Err(Error::Usage(why.to_owned())),
            _ => Ok(()),
        }
    }
}

/// Options of `serve`.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where to write lake and quarantine
    #[arg(long, default_value = "out", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Send the batches to a running server, such as `cargo lambda watch`, instead of the linked handlers
    #[arg(long, value_name = "URL", value_parser = functions_url)]
    pub(crate) functions_url: Option<String>,
    /// Leave the stream alone: nothing is sent to any function
    #[arg(long, conflicts_with = "functions_url")]
    pub(crate) no_consumers: bool,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) ports: Ports,
}

/// Ports on 127.0.0.1 for endpoints that other programs use.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Port of the Kinesis endpoint
    #[arg(long, default_value_t = 4567, value_name = "PORT")]
    pub(crate) kinesis_port: u16,
    /// Port of the DynamoDB endpoint
    #[arg(long, default_value_t = 4569, value_name = "PORT")]
    pub(crate) dynamodb_port: u16,
    /// Port of the Firehose endpoint
    #[arg(long, default_value_t = 4573, value_name = "PORT")]
    pub(crate) firehose_port: u16,
}

impl Ports {
    /// Any free ports: nobody else needs to know them.
    pub(crate) const ANY: Self = Self { kinesis_port: 0, dynamodb_port: 0, firehose_port: 0 };
}

/// Options of `generate`.
#[derive(Args, Debug)]
pub(crate) struct Generate {
    /// How many events
    #[arg(long, default_value_t = 10_000)]
    pub(crate) events: usize,
    /// How many users; a few of them are much busier than the rest
    #[arg(long, default_value_t = 500, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000_000))]
    pub(crate) users: usize,
    /// Seed: the same one gives the same events
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Time of the first event
    #[arg(long, default_value = "2025-11-03T08:00:00Z", value_name = "RFC3339")]
    pub(crate) start: String,
    /// File to write; standard output where none is named
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `reorder-points`.
#[derive(Args, Debug)]
pub(crate) struct ReorderPoints {
    /// A CSV file with the header sku,reorder_point,reorder_target
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The table, as the stack's output ReorderPointsTableName names it
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
}

/// The program. It is no `async fn`, so that its code is made with this library and not again with the program.
#[tokio::main]
pub async fn main() -> ExitCode {
    let done = match Cli::try_parse() {
        Ok(cli) => run(cli).await,
        // What was asked for, such as help.
        Err(text) if !text.use_stderr() => text.print().map_err(Error::standard_output),
        Err(wrong) => wrong.exit(),
    };
    match done {
        Ok(()) | Err(Error::NobodyReads) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Carries out a command.
///
/// # Errors
/// When it could not be carried out; the text names the thing and what to do.
async fn run(cli: Cli) -> Result<(), Error> {
    let command = cli.command.unwrap_or(Command::Demo);
    logging::start(command.makes_faults());
    match command {
        Command::Demo => commands::demo::run().await,
        Command::Replay(options) => commands::replay::run(&options).await,
        Command::Redrive(options) => commands::redrive::run(&options).await,
        Command::Serve(options) => commands::serve::run(&options).await,
        Command::Generate(options) => commands::generate::run(&options),
        Command::ReorderPoints(options) => commands::reorder_points::run(&options).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> String {
        Cli::try_parse_from([&["millrace"], arguments].concat()).unwrap_err().to_string()
    }

    #[test]
    fn faults_do_not_go_with_functions_elsewhere() {
        let check = |options: &str| {
            let words = ["millrace", "replay", "events.jsonl"].into_iter().chain(options.split_whitespace());
            let Some(Command::Replay(replay)) = Cli::try_parse_from(words).unwrap().command else { panic!() };
            replay.check().map_err(|error| error.to_string())
        };
        assert_eq!((check("--faults 1"), check("--functions-url http://[::1]:9000")), (Ok(()), Ok(())));
        let why = check("--faults 1 --functions-url http://[::1]:9000").unwrap_err();
        assert!(why.contains("faults are made between the linked handlers and their services"), "{why}");
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        for (option, value) in [
            ("--maximum-record-age", "10ms"),
            ("--maximum-retry-attempts", "10001"),
            ("--maximum-retry-attempts", "-1"),
        ] {
            let text = refusal(&["replay", "events.jsonl", option, value]);
            assert!(text.contains(option) || text.contains(value), "{text}");
        }
    }
}
