//! What `redrive` prints.

use std::collections::BTreeMap;

use redrive::{Answer, Mode, ObjectResult, Status};

use super::{Redrive, Redriven};
use crate::error::Error;
use crate::output::number;
use crate::say::say;

/// Objects that are named one by one, where not all are asked for as JSON.
const LINES_SHOWN: usize = 20;

/// Prints what came of it.
///
/// # Errors
/// When the run ended before its time.
pub(super) fn print(options: &Redrive, redriven: &Redriven) -> Result<(), Error> {
    let answer = &redriven.answer;
    let printed = match options.json {
        true => {
            let text = serde_json::to_string_pretty(redriven).map_err(Error::output("standard output"))?;
            say!("{text}")
        }
        false => print_text(options, redriven),
    };
    match answer.error.as_str() {
        "" => printed,
        why => Err(Error::Usage(format!("the run ended early: {why}"))),
    }
}

fn print_text(options: &Redrive, redriven: &Redriven) -> Result<(), Error> {
    let answer = &redriven.answer;
    print_lines(answer)?;
    say!("objects    {}", objects(answer))?;
    match answer.mode {
        Mode::List => {}
        Mode::DryRun => {
            say!("records    {} would be sent{}", number(answer.counts.to_send), kept_back(answer))?;
            say!("decode as  {}", words(&answer.counts.events))?;
        }
        Mode::Run => {
            say!(
                "records    {} of {} sent{}",
                number(answer.counts.sent),
                number(answer.counts.to_send),
                kept_back(answer)
            )?;
            for (name, function) in &redriven.functions {
                say!(
                    "{name:<10} {} in {} invocations",
                    function.verdicts_text(),
                    number(function.invocations)
                )?;
            }
            say!("quarantine {}", words(&redriven.quarantined))?;
            if redriven.late > 0 {
                let late = number(redriven.late);
                say!("late       {late} events, too old for the state by now; late.jsonl names each")?;
            }
        }
    }
    if answer.remaining > 0 {
        say!(
            "remaining  {} objects or more: run it again, or with a higher --limit",
            number(answer.remaining)
        )?;
    }
    if let Some(next) = &answer.next_start_after {
        say!("go on      behind what cannot be marked done with --start-after {next}")?;
    }
    match answer.mode {
        Mode::Run if answer.done > 0 => say!("written to {}", options.dir.display())?,
        Mode::Run => say!("nothing was changed in {}", options.dir.display())?,
        Mode::DryRun if answer.counts.to_send > 0 => say!("next:      the same with --mode run")?,
        Mode::DryRun | Mode::List => {}
    }
    Ok(())
}

/// A list is there to be seen; of other modes, only objects that are not done.
fn print_lines(answer: &Answer) -> Result<(), Error> {
    let is_shown = |result: &&ObjectResult| answer.mode == Mode::List || result.status == Status::NotDone;
    let shown: Vec<_> = answer.results.iter().filter(is_shown).collect();
    for line in shown.iter().take(LINES_SHOWN) {
        let status = match line.status {
            Status::Unmarked => "unmarked",
            Status::Done => "done",
            Status::Ready => "ready",
            Status::NotDone => "not done",
        };
        let why = if line.error.is_empty() { String::new() } else { format!(": {}", line.error) };
        say!("{status:<10} {}{why}", line.key)?;
    }
    if shown.len() > LINES_SHOWN {
        say!("and {} more; --json names all", number((shown.len() - LINES_SHOWN) as u64))?;
    }
    Ok(())
}

fn objects(answer: &Answer) -> String {
    let counts = match answer.mode {
        Mode::List => {
            vec![(answer.objects - answer.done_before, "unmarked"), (answer.done_before, "marked done")]
        }
        Mode::DryRun => vec![
            (answer.objects - answer.not_done, "ready"),
            (answer.not_done, "not done"),
            (answer.done_before, "marked done before"),
        ],
        Mode::Run => vec![
            (answer.done, "done"),
            (answer.not_done, "not done"),
            (answer.done_before, "marked done before"),
        ],
    };
    let counts: Vec<_> =
        counts.into_iter().map(|(count, what)| format!("{} {what}", number(count))).collect();
    counts.join(", ")
}

fn kept_back(answer: &Answer) -> String {
    let mut text = String::new();
    for (count, what) in [
        (answer.counts.filtered, "filtered out"),
        (answer.counts.not_needed, "not needed: repeats, or of another function"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {} {what}", number(count)));
        }
    }
    text
}

fn words(counts: &BTreeMap<String, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {}", number(*count))).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}
