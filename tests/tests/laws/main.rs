//! What holds for all histories: convergence, at most once, and nothing lost wherever a run breaks off.

#[cfg(test)]
mod convergence;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod fraud;
#[cfg(test)]
mod history;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod verdicts;
#[cfg(test)]
mod zombies;
