//! Read: the state that each key goes on from.

use millrace_domain::fold::KeyState;

use super::Stateful;
use super::work::{Base, KeyWork, Work};
use crate::deadline::Deadline;
use crate::ports::{JsonLineSink, Read, SignalSink, Store};

impl<S, T, Q, G> Stateful<S, T, Q, G>
where
    S: KeyState + Send + Sync,
    S::Settings: Send + Sync,
    T: Store<S>,
    Q: JsonLineSink,
    G: SignalSink,
{
    /// Gives every open key a state, from the cache the first time and from the table otherwise.
    pub(super) async fn load(&self, work: &mut Work<'_, S>, deadline: Deadline) {
        self.load_from_cache(work);
        let wanted: Vec<&str> =
            work.open_keys().filter(|key| key.base.is_none()).map(|key| key.key).collect();
        if wanted.is_empty() {
            return;
        }
        let reads = match deadline.bound(self.store.read(&wanted, deadline)).await {
            Ok(reads) => reads,
            Err(_) => wanted.iter().map(|_| Read::Unavailable).collect(),
        };
        self.accept_reads(work, reads);
    }

    fn load_from_cache(&self, work: &mut Work<'_, S>) {
        let mut cache = self.cache();
        for key in work.open_keys().filter(|key| key.base.is_none() && !key.may_be_written) {
            key.base = cache.take(key.key).map(|stored| Base { stored: Some(stored), current: false });
        }
    }

    fn accept_reads(&self, work: &mut Work<'_, S>, reads: Vec<Read<S>>) {
        let mut reads = reads.into_iter();
        let (mut failed, mut landed) = (None, Vec::new());
        for (index, key) in work.keys.iter_mut().enumerate() {
            if !key.is_open(work.checkpoint) || key.base.is_some() {
                continue;
            }
            let accepted = match reads.next() {
                Some(Read::Found(stored)) if key.is_own_write(&stored) => {
                    landed.push(index);
                    true
                }
                Some(read) => key.accept(read),
                None => false,
            };
            if !accepted {
                failed = failed.into_iter().chain(key.first_open_record()).min();
            }
        }
        for index in landed {
            self.adopt(work, index);
        }
        if let Some(record) = failed {
            work.end_at(record, "the table could not be read");
        }
    }
}

impl<S> KeyWork<'_, S> {
    /// Goes on from what is stored, forgetting a fold from anything else; false when that is not known now.
    pub(super) fn accept(&mut self, read: Read<S>) -> bool {
        self.folded = None;
        self.may_be_written = false;
        let stored = match read {
            Read::Found(stored) => Some(stored),
            Read::Absent => None,
            Read::Unavailable => {
                self.base = None;
                return false;
            }
            Read::Corrupt(why) => {
                // Retrying would block the shard for good. The events go into the quarantine and come back by redrive,
                // once the item has been mended.
                self.corrupt = Some(why);
                None
            }
        };
        self.base = Some(Base { stored, current: true });
        true
    }
}
