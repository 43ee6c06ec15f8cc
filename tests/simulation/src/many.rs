//! Many seeds, on several threads: each run is on one.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::coverage::Coverage;
use crate::judge::judge;
use crate::plan::{Plan, draw};
use crate::run::{POISON, run};
use crate::shrink::scripted;

/// A seed whose run is not as it must be.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub problems: Vec<String>,
    /// The same run as a script; absent where there was no run.
    pub script: Option<Box<Plan>>,
}

/// Runs seeds and reports each; `keeps_on` says whether to go on.
pub fn run_seeds(seeds: &[u64], jobs: usize, mut keeps_on: impl FnMut(Result<Coverage, Failure>) -> bool) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(64);
        for _ in 0..jobs.max(1) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = seeds.get(next.fetch_add(1, Ordering::Relaxed));
                    if seed.is_none_or(|seed| sender.send(run_seed(*seed)).is_err()) {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for result in &receiver {
            if !keeps_on(result) {
                next.store(seeds.len(), Ordering::Relaxed);
                // What is under way is let go of.
                drop(receiver);
                return;
            }
        }
    });
}

/// Runs one seed.
///
/// # Errors
/// When its run is not as it must be.
pub fn run_seed(seed: u64) -> Result<Coverage, Failure> {
    let plan = draw(seed);
    let outcome = run(&plan).map_err(|why| Failure { seed, problems: vec![why], script: None })?;
    let problems = judge(&plan, &outcome);
    match problems.is_empty() {
        true => Ok(Coverage::of(&outcome)),
        false => Err(Failure { seed, problems, script: Some(Box::new(scripted(&plan, &outcome))) }),
    }
}

/// Keeps the panics that events cause on purpose out of the output.
pub fn quiet_poison() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if info.payload_as_str() != Some(POISON) {
            print(info);
        }
    }));
}
