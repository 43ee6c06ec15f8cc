//! The command.

use std::fmt::Arguments;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use simulation::coverage::Coverage;
use simulation::many::{Failure, run_seeds};
use simulation::plan::{Plan, bot, hot_key};
use simulation::shrink::{first_problem, shrink};

/// The real functions over a model world, with everything that goes wrong drawn from seeds.
#[derive(Debug, Parser)]
struct Cli {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// These seeds instead
    #[arg(long, value_name = "SEED", num_args = 1.., conflicts_with_all = ["seeds", "from"])]
    only: Vec<u64>,
    /// Seeds run at the same time, each on one thread
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Go on after a failing seed
    #[arg(long)]
    keep_going: bool,
    /// Leave failing runs as they are
    #[arg(long)]
    no_shrink: bool,
    /// Run one script instead, such as those that failing seeds leave
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Run a bot under so many subjects instead
    #[arg(long, value_name = "SUBJECTS", conflicts_with = "script")]
    bot: Option<u32>,
    /// Run one key with so many events in a millisecond instead
    #[arg(long, value_name = "EVENTS", conflicts_with_all = ["script", "bot"])]
    hot_key: Option<u32>,
    /// Where the scripts of failing seeds go
    #[arg(long, default_value = "target/simulation", value_name = "DIR")]
    failures: PathBuf,
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match (&cli.script, cli.bot, cli.hot_key) {
        (Some(path), ..) => run_script(path),
        (_, Some(subjects), _) => run_plan(&bot(subjects)),
        (.., Some(events)) => run_plan(&hot_key(events)),
        (None, None, None) => run_all(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(stderr(), "{why}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line. One whose reader has gone is dropped: how the runs end is what the exit code says.
fn say(text: Arguments<'_>) -> Result<(), String> {
    match writeln!(stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write standard output: {error}"))
        }
        _ => Ok(()),
    }
}

fn run_script(path: &Path) -> Result<(), String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let plan: Plan =
        serde_json::from_str(&text).map_err(|error| format!("{} is no script: {error}", path.display()))?;
    run_plan(&plan)
}

fn run_plan(plan: &Plan) -> Result<(), String> {
    match first_problem(plan) {
        None => say(format_args!("as it must be")),
        Some(problem) => Err(problem),
    }
}

fn run_all(cli: &Cli) -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a rate for people to read; the runs have a clock of their own"
    )]
    let began = Instant::now();
    let seeds = match cli.only[..] {
        [] => (cli.from..cli.from + cli.seeds).collect(),
        _ => cli.only.clone(),
    };
    let count = seeds.len() as u64;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(count) } else { ProgressBar::hidden() };
    let style =
        ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} seeds, {per_sec}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut coverage = Coverage::default();
    let mut failures = Vec::new();
    run_seeds(&seeds, cli.jobs, |result| {
        bar.inc(1);
        match result {
            Ok(met) => coverage.merge(met),
            Err(failure) => failures.push(failure),
        }
        cli.keep_going || failures.is_empty()
    });
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    say(format_args!("{}", coverage.table()))?;
    for failure in &failures {
        report(failure, (!cli.no_shrink).then_some(&cli.failures))?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let rate = (coverage.runs + failures.len() as u64) as f64 / seconds;
    say(format_args!(
        "{} seeds from {}: {} failed; {rate:.0} seeds/s in all, {:.0} on each of {} threads",
        coverage.runs + failures.len() as u64,
        cli.from,
        failures.len(),
        rate / cli.jobs as f64,
        cli.jobs
    ))?;
    let missing = coverage.missing();
    match (failures.is_empty(), missing.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("{} seeds are not as they must be", failures.len())),
        (_, false) => Err(format!("not met often enough: {}", missing.join("; "))),
    }
}

fn report(failure: &Failure, folder: Option<&PathBuf>) -> Result<(), String> {
    say(format_args!("seed {}:", failure.seed))?;
    for problem in failure.problems.iter().take(5) {
        say(format_args!("  {problem}"))?;
    }
    let (Some(script), Some(folder)) = (&failure.script, folder) else { return Ok(()) };
    let short = match first_problem(script) {
        Some(_) => shrink(script),
        // A script repeats its run; if it ever did not, the seed still does.
        None => return Err(format!("the script of seed {} does not repeat its run", failure.seed)),
    };
    let path = folder.join(format!("seed-{}.json", failure.seed));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, serde_json::to_string_pretty(&short).unwrap_or_default()));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    say(format_args!("  shortest script: {} ({} puts); it fails with", path.display(), short.puts.len()))?;
    say(format_args!("  {}", first_problem(&short).unwrap_or_default()))
}
