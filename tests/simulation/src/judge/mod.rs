//! Holds a run against what must be true. The judge knows every event and none of the machinery: it reads the tables,
//! the stream of signals, what Firehose accepted, and the verdicts that the functions gave.

mod accounted;
mod archived;
mod book;
mod closing;
mod item;
mod keyed;
mod quarantined;
mod reference;
mod sent;
mod signals;
mod stock;
mod suspicions;

pub use book::Book;
use keyed::{Came, Keyed};
use millrace_domain::fraud::FraudState;
use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;
pub(crate) use sent::events_of;
use signals::Emitted;

use crate::plan::{Consumer, Kind, Plan};
use crate::run::{Outcome, fraud_settings, reorder_points, session_settings};
use crate::world::names;

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
    accounted::check(&book, &mut broken);
    accounted::check_brought_back(&book, &mut broken);
    let users = check_users(plan, outcome, &book, &mut broken);
    let suspects = check_suspects(plan, outcome, &book, &mut broken);
    let products = check_products(plan, outcome, &book, &mut broken);
    let mut loose = signals::loose_causes(&users);
    loose.extend(signals::loose_causes(&suspects));
    loose.extend(signals::loose_causes(&products));
    signals::check_origins(&book, &loose, &mut broken);
    stock::check(&plan.settings, &users, &products, &mut broken);
    archived::check(outcome, &book, &mut broken);
    quarantined::check(outcome, &book, &mut broken);
    broken
}

fn check_users<'a>(
    plan: &'a Plan,
    outcome: &Outcome,
    book: &'a Book,
    broken: &mut Vec<String>,
) -> Vec<Came<'a, SessionState>> {
    let own = session_settings(&plan.settings);
    let handles = |kind: Kind| !kind.is_of_stock() && kind != Kind::Unknown;
    let (consumer, table) = (Consumer::Sessions, names::SESSIONS);
    let stream = names::EVENTS;
    let keyed = Keyed { plan, book, consumer, table, stream, own, handles, is_woken: true };
    let came = keyed.check(outcome, broken);
    Emitted::by(consumer, book).check(book, &came, broken);
    closing::check(plan, outcome, &came, broken);
    came
}

fn check_suspects<'a>(
    plan: &'a Plan,
    outcome: &Outcome,
    book: &'a Book,
    broken: &mut Vec<String>,
) -> Vec<Came<'a, FraudState>> {
    let own = fraud_settings(&plan.settings);
    let handles = |kind: Kind| matches!(kind, Kind::Order | Kind::PaymentFailed);
    let (consumer, table) = (Consumer::Fraud, names::FRAUD);
    let stream = names::EVENTS;
    let keyed = Keyed { plan, book, consumer, table, stream, own, handles, is_woken: false };
    let came = keyed.check(outcome, broken);
    Emitted::by(consumer, book).check(book, &came, broken);
    suspicions::check(&plan.settings, &came, broken);
    came
}

/// Only what the stream of signals holds is applied: what producers say of stock is relayed into it, and what they
/// say of signals is not believed.
fn check_products<'a>(
    plan: &'a Plan,
    outcome: &Outcome,
    book: &'a Book,
    broken: &mut Vec<String>,
) -> Vec<Came<'a, StockState>> {
    let own = reorder_points();
    let handles = |kind: Kind| matches!(kind, Kind::Received | Kind::Counted);
    let (consumer, table) = (Consumer::Inventory, names::STOCK);
    let stream = names::SIGNALS;
    let keyed = Keyed { plan, book, consumer, table, stream, own, handles, is_woken: false };
    let came = keyed.check(outcome, broken);
    Emitted::by(consumer, book).check(book, &came, broken);
    came
}
