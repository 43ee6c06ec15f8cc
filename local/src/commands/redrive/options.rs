//! Options of `redrive`: the request of the function, field by field.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use redrive::Request;
use serde_json::{Map, Value};

use crate::error::Error;

/// Options of `redrive`.
#[derive(Args, Debug)]
pub(crate) struct Redrive {
    /// The folder that a replay wrote
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Which dead letters to redrive
    #[arg(long)]
    dead_letters: DeadLetters,
    /// What to do with them; list and dry-run change nothing
    #[arg(long, default_value = "dry-run")]
    mode: Mode,
    /// Only objects whose key starts with this, such as aws/lambda/local-sessions-events/ or quarantine/quarantine-000001
    #[arg(long)]
    prefix: Option<String>,
    /// Only records that this function failed on or rejected: sessions, archive, fraud or inventory
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Only records that were rejected for this reason, such as contract
    #[arg(long)]
    reason: Option<String>,
    /// Only records that came from this shard
    #[arg(long)]
    shard_id: Option<String>,
    /// Only records that arrived at this time or later
    #[arg(long, value_name = "RFC3339")]
    arrived_from: Option<String>,
    /// Only records that arrived before this time
    #[arg(long, value_name = "RFC3339")]
    arrived_to: Option<String>,
    /// Most objects to read; 1000 where none is given
    #[arg(long)]
    limit: Option<usize>,
    /// Only objects behind this key, such as the one that a run says to go on with
    #[arg(long, value_name = "KEY")]
    start_after: Option<String>,
    /// Take objects that are marked done, too
    #[arg(long)]
    include_done: bool,
    /// Print the whole answer as JSON, with a result for each object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DeadLetters {
    /// Batches that the mappings discarded
    OnFailure,
    /// Events that could not be taken
    Quarantine,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Name the objects, and whether they are marked done
    List,
    /// Say what would be sent, and how each event decodes now
    DryRun,
    /// Send, let the functions do it, and mark the objects done
    Run,
}

impl Redrive {
    /// The request that the function would be invoked with; its rules are the function's own.
    pub(super) fn request(&self) -> Result<Request, Error> {
        let mut fields = Map::new();
        let dead_letters = match self.dead_letters {
            DeadLetters::OnFailure => "on_failure",
            DeadLetters::Quarantine => "quarantine",
        };
        let mode = match self.mode {
            Mode::List => "list",
            Mode::DryRun => "dry_run",
            Mode::Run => "run",
        };
        fields.insert("dead_letters".to_owned(), dead_letters.into());
        fields.insert("mode".to_owned(), mode.into());
        let texts = [
            ("prefix", &self.prefix),
            ("function", &self.function),
            ("reason", &self.reason),
            ("shard_id", &self.shard_id),
            ("arrived_from", &self.arrived_from),
            ("arrived_to", &self.arrived_to),
            ("start_after", &self.start_after),
        ];
        for (name, text) in texts {
            fields.extend(text.as_ref().map(|text| (name.to_owned(), text.as_str().into())));
        }
        fields.extend(self.limit.map(|limit| ("limit".to_owned(), limit.into())));
        fields.insert("include_done".to_owned(), self.include_done.into());
        serde_json::from_value(Value::Object(fields)).map_err(|error| Error::Usage(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use redrive::{DeadLetters, Mode};

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        redrive: Redrive,
    }

    fn request(options: &str) -> Result<Request, String> {
        let words = ["redrive", "out"].into_iter().chain(options.split_whitespace());
        let only = Only::try_parse_from(words).map_err(|error| error.to_string())?;
        only.redrive.request().map_err(|error| error.to_string())
    }

    #[test]
    fn every_filter_of_the_function_is_an_option() {
        let options = "--dead-letters quarantine --mode run --prefix quarantine/q --function archive --reason contract \
            --shard-id s --arrived-from 1970-01-01T00:00:01Z --arrived-to 1970-01-01T00:00:02Z --limit 5 \
            --start-after quarantine/q1 --include-done";
        let request = request(options).unwrap();
        assert_eq!(
            (request.dead_letters, request.mode, request.limit),
            (DeadLetters::Quarantine, Mode::Run, 5)
        );
        assert_eq!(
            (request.arrived_from_ms, request.arrived_to_ms, request.include_done),
            (Some(1_000), Some(2_000), true)
        );
        assert_eq!(
            (request.prefix.as_str(), request.start_after.as_deref()),
            ("quarantine/q", Some("quarantine/q1"))
        );
        assert_eq!((request.function.as_deref(), request.shard_id.as_deref()), (Some("archive"), Some("s")));
    }

    #[test]
    fn it_is_a_dry_run_unless_told_otherwise_and_mistakes_are_named() {
        assert_eq!(
            request("--dead-letters on-failure"),
            Ok(Request::new(DeadLetters::OnFailure, Mode::DryRun))
        );
        assert!(request("").unwrap_err().contains("--dead-letters"));
        assert!(
            request("--dead-letters on-failure --function x")
                .unwrap_err()
                .contains("one of sessions, archive")
        );
        assert!(
            request("--dead-letters on-failure --reason contract")
                .unwrap_err()
                .contains("filter of the dead letters")
        );
    }
}
