//! Holds a run against what must be true. The judge knows every event and none of the machinery: it reads the table,
//! what Firehose accepted, and the verdicts that the functions gave.

mod archived;
mod book;
mod reference;
mod sessions;
mod set_aside;
mod told;

pub use book::Book;

use crate::plan::Plan;
use crate::run::Outcome;

/// Everything that is wrong with a run; nothing where it is as it must be.
pub fn judge(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let services = outcome.world.services();
    let mut broken = services.journal.broken.clone();
    drop(services);
    let book = match Book::of(outcome) {
        Ok(book) => book,
        Err(why) => {
            broken.push(why);
            return broken;
        }
    };
    told::check(&book, &mut broken);
    told::check_brought_back(&book, &mut broken);
    sessions::check(plan, outcome, &book, &mut broken);
    archived::check(outcome, &book, &mut broken);
    set_aside::check(outcome, &book, &mut broken);
    broken
}
