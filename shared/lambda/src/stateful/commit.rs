//! Commit: one conditional write a key.
//!
//! Running a batch again is safe here: the write carries the state together with the proof of what it includes,
//! and its condition is the version that both were read at. A repeat finds either the old version, and does the
//! same again, or the new one, whose ledger knows the events.

use millrace_domain::Reason;
use millrace_domain::fold::KeyState;

use super::Stateful;
use super::work::{Base, Work};
use crate::deadline::Deadline;
use crate::ports::{Commit, JsonLineSink, Read, SignalSink, Store, Stored, Write};

/// Most answers to one key's writes that may be lost before its records are left to a retry.
const LOST_LIMIT: usize = 4;

impl<S, T, Q, G> Stateful<S, T, Q, G>
where
    S: KeyState + Send + Sync,
    S::Settings: Send + Sync,
    T: Store<S>,
    Q: JsonLineSink,
    G: SignalSink,
{
    /// Writes what the waiting folds came to.
    pub(super) async fn commit(&self, work: &mut Work<'_, S>, deadline: Deadline) {
        let mut unchanged = Vec::new();
        let mut writing = Vec::new();
        let mut writes = Vec::new();
        for (index, key) in work.keys.iter().enumerate().filter(|(_, key)| key.is_open(work.checkpoint)) {
            let (Some(base), Some(folded)) = (&key.base, &key.folded) else { continue };
            if !folded.fold.changed {
                unchanged.push(index);
                continue;
            }
            writing.push(index);
            writes.push(Write {
                key: key.key,
                expected: base.stored.as_ref().map(|stored| stored.version),
                version: folded.version,
                ledger: &folded.fold.ledger,
                state: &folded.fold.state,
            });
        }
        let commits = match writes.as_slice() {
            [] => Vec::new(),
            writes => match deadline.bound(self.store.commit(writes, deadline)).await {
                Ok(commits) => commits,
                Err(_) => writes.iter().map(|_| Commit::Unavailable).collect(),
            },
        };
        for index in unchanged {
            self.adopt(work, index);
        }
        let mut failed = None;
        for (index, commit) in writing.into_iter().zip(commits) {
            failed = failed.into_iter().chain(self.settle(work, index, commit)).min();
        }
        if let Some(record) = failed {
            work.end_at(record, "the table did not take a write");
        }
    }

    /// Gives back the record that could not be done, if any: the checkpoint moves once all answers are taken over, so
    /// that what was written behind it is known.
    fn settle(&self, work: &mut Work<'_, S>, index: usize, commit: Commit<S>) -> Option<usize> {
        let key = work.keys.get_mut(index)?;
        // What was folded into a cached item may equal what another execution environment wrote long ago.
        let current = key.base.as_ref().is_some_and(|base| base.current);
        let accepted = match commit {
            Commit::Committed => {
                self.adopt(work, index);
                return None;
            }
            Commit::Conflict(read) => {
                key.may_be_written = current;
                match read {
                    // The answer to an earlier try was lost, and this is what it wrote.
                    Read::Found(stored) if key.is_own_write(&stored) => {
                        self.adopt(work, index);
                        return None;
                    }
                    read => key.accept(read),
                }
            }
            Commit::Unknown => {
                key.may_be_written = current;
                key.base = None;
                key.lost += 1;
                key.lost < LOST_LIMIT
            }
            Commit::Rejected(why) => {
                self.narrow(work, index, why);
                true
            }
            Commit::Unavailable => false,
        };
        if accepted { None } else { work.keys.get(index).and_then(|key| key.first_open_record()) }
    }

    /// Halves the way to the one event whose result the table rejects.
    fn narrow(&self, work: &mut Work<'_, S>, index: usize, why: String) {
        let Some(key) = work.keys.get_mut(index) else { return };
        let Some(folded) = key.folded.take() else { return };
        match folded.verdicts.as_slice() {
            [(event, _, _)] => {
                key.take = usize::MAX;
                work.rejected.insert(*event, (Reason::TableRejected, why));
            }
            verdicts => key.take = verdicts.len() / 2,
        }
    }

    /// Takes over a fold that is stored, or that changed nothing.
    pub(super) fn adopt(&self, work: &mut Work<'_, S>, index: usize) {
        let Some(key) = work.keys.get_mut(index) else { return };
        let Some(folded) = key.folded.take() else { return };
        for signal in &folded.fold.signals {
            *work.signals.entry(signal.signal_type).or_default() += 1;
        }
        key.done += folded.verdicts.len();
        key.may_be_written = false;
        for (event, verdict, _) in folded.verdicts {
            if let Some(slot) = work.verdicts.get_mut(event) {
                *slot = Some(verdict);
            }
        }
        let current = folded.fold.changed || key.base.as_ref().is_some_and(|base| base.current);
        let stored = match folded.fold.changed {
            false => key.base.take().and_then(|base| base.stored),
            true => {
                Some(Stored { version: folded.version, ledger: folded.fold.ledger, state: folded.fold.state })
            }
        };
        if key.done < key.events.len() {
            key.base = Some(Base { stored, current });
        } else if let Some(stored) = stored {
            self.cache().put(key.key, stored);
        }
    }
}
