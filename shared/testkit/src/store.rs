//! A table in memory: conditional writes as the real one has them, and attributes that go through serde, so that
//! what a state does not write is lost.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use millrace_domain::Ledger;
use millrace_domain::fold::KeyState;
use millrace_domain::ledger::LedgerUnreadable;
use millrace_domain::session::SessionState;
use millrace_lambda::Deadline;
use millrace_lambda::ports::{Commit, Read, Store, Stored, Write};
use millrace_lambda::timers::{OpenSessions, OpenSessionsPage, TableError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::faults::{CommitFault, Script};
use crate::journal::{Journal, Step};

/// A table in memory; clones are the same table.
pub struct MemoryStore<S> {
    inner: Arc<Mutex<Inner<S>>>,
    journal: Journal,
    state: PhantomData<fn() -> S>,
}

type Rejection<S> = Box<dyn Fn(&str, &S) -> bool + Send>;

struct Inner<S> {
    items: BTreeMap<String, Item>,
    read_faults: Script<()>,
    commit_faults: Script<CommitFault<S>>,
    rejection: Rejection<S>,
    outright_rejection: Rejection<S>,
    read_takes: Duration,
    commit_takes: Duration,
    latencies: VecDeque<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
struct Item {
    version: u64,
    format: u32,
    ledger: Vec<u8>,
    attributes: Map<String, Value>,
}

impl<S> Clone for MemoryStore<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), journal: self.journal.clone(), state: PhantomData }
    }
}

impl<S: KeyState + Serialize + DeserializeOwned> Default for MemoryStore<S> {
    fn default() -> Self {
        Self::noting(Journal::default())
    }
}

impl<S: KeyState + Serialize + DeserializeOwned> MemoryStore<S> {
    /// An empty table that notes its calls here.
    pub fn noting(journal: Journal) -> Self {
        let inner = Inner {
            items: BTreeMap::new(),
            read_faults: Script::default(),
            commit_faults: Script::default(),
            rejection: Box::new(|_, _| false),
            outright_rejection: Box::new(|_, _| false),
            read_takes: Duration::ZERO,
            commit_takes: Duration::ZERO,
            latencies: VecDeque::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)), journal, state: PhantomData }
    }

    /// The next reads of a key, as many, find the table unavailable.
    pub fn fail_reads(&self, key: &str, times: usize) {
        self.lock().read_faults.on(key, std::iter::repeat_n((), times));
    }

    /// The next writes of a key meet these faults, one each.
    pub fn fail_commits(&self, key: &str, faults: impl IntoIterator<Item = CommitFault<S>>) {
        self.lock().commit_faults.on(key, faults);
    }

    /// The next reads, of whatever key, find the table unavailable where this says so.
    pub fn script_reads(&self, fails: impl IntoIterator<Item = bool>) {
        self.lock().read_faults.then(fails.into_iter().map(|fails| fails.then_some(())));
    }

    /// The next writes, of whatever key, meet these faults.
    pub fn script_commits(&self, faults: impl IntoIterator<Item = Option<CommitFault<S>>>) {
        self.lock().commit_faults.then(faults);
    }

    /// Nothing goes wrong from now on but what is rejected.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.read_faults.clear();
        inner.commit_faults.clear();
    }

    /// States for which this holds are rejected for good where the condition holds: the size of an item is known
    /// only once the write is put together with what is there.
    pub fn reject(&self, rejection: impl Fn(&str, &S) -> bool + Send + 'static) {
        self.lock().rejection = Box::new(rejection);
    }

    /// States for which this holds are rejected for good before any condition is looked at, as what cannot even be
    /// written down is.
    pub fn reject_outright(&self, rejection: impl Fn(&str, &S) -> bool + Send + 'static) {
        self.lock().outright_rejection = Box::new(rejection);
    }

    /// How long each call takes.
    pub fn takes(&self, read: Duration, commit: Duration) {
        let mut inner = self.lock();
        (inner.read_takes, inner.commit_takes) = (read, commit);
    }

    /// How long calls to come wait, in turn: each waits once before it takes effect, and once before it answers.
    pub fn script_latencies(&self, latencies: impl IntoIterator<Item = Duration>) {
        self.lock().latencies.extend(latencies);
    }

    /// The item of a key; `None` when there is none.
    pub fn item(&self, key: &str) -> Option<Stored<S>> {
        match self.lock().read(key) {
            Read::Found(stored) => Some(stored),
            Read::Absent => None,
            other => panic_on_unreadable(key, &other),
        }
    }

    /// The keys that have an item.
    pub fn keys(&self) -> Vec<String> {
        self.lock().items.keys().cloned().collect()
    }

    /// One attribute as it is stored.
    pub fn attribute(&self, key: &str, name: &str) -> Option<Value> {
        self.lock().items.get(key)?.attributes.get(name).cloned()
    }

    /// Changes one attribute past all conditions, as a hand at the console would.
    pub fn set_attribute(&self, key: &str, name: &str, value: Value) {
        let mut inner = self.lock();
        let item = inner.items.get_mut(key).expect("the item is there");
        item.attributes.insert(name.to_owned(), value);
    }

    /// Changes the format past all conditions, as a newer release would.
    pub fn set_format(&self, key: &str, format: u32) {
        self.lock().items.get_mut(key).expect("the item is there").format = format;
    }

    /// Changes the packed ledger past all conditions.
    pub fn set_ledger(&self, key: &str, ledger: Vec<u8>) {
        self.lock().items.get_mut(key).expect("the item is there").ledger = ledger;
    }

    /// Puts an item in place past all conditions, as another writer would.
    pub fn put(&self, key: &str, stored: &Stored<S>) {
        self.lock().overwrite(key, stored);
    }

    /// Deletes an item.
    pub fn delete(&self, key: &str) {
        self.lock().items.remove(key);
    }

    async fn wait(&self, at_least: Duration) {
        let latency = self.lock().latencies.pop_front().unwrap_or_default();
        tokio::time::sleep(latency.max(at_least)).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().expect("no call panics while it holds the store")
    }
}

fn panic_on_unreadable<S>(key: &str, read: &Read<S>) -> ! {
    let what = match read {
        Read::Corrupt(why) => why.as_str(),
        _ => "written by a newer release",
    };
    panic!("the item of {key} cannot be read: {what}")
}

impl<S: KeyState + Serialize + DeserializeOwned> Inner<S> {
    fn read(&self, key: &str) -> Read<S> {
        let Some(item) = self.items.get(key) else { return Read::Absent };
        if item.format > S::READS_FORMAT {
            return Read::Unavailable;
        }
        let ledger = match Ledger::unpack(&item.ledger) {
            Ok(ledger) => ledger,
            Err(LedgerUnreadable::Newer { .. }) => return Read::Unavailable,
            Err(error @ LedgerUnreadable::Corrupt { .. }) => return Read::Corrupt(error.to_string()),
        };
        match serde_json::from_value(Value::Object(item.attributes.clone())) {
            Ok(state) => Read::Found(Stored { version: item.version, ledger, state }),
            Err(error) => Read::Corrupt(error.to_string()),
        }
    }

    fn read_all(&mut self, keys: &[&str]) -> Vec<Read<S>> {
        let mut read = |key: &&str| match self.read_faults.draw(key) {
            Some(()) => Read::Unavailable,
            None => self.read(key),
        };
        keys.iter().map(&mut read).collect()
    }

    fn commit_all(&mut self, writes: &[Write<'_, S>]) -> Vec<Commit<S>> {
        writes.iter().map(|write| self.commit(write)).collect()
    }

    fn write(&mut self, key: &str, version: u64, ledger: &Ledger, state: &S) {
        let written = match serde_json::to_value(state).expect("a state is written as JSON") {
            Value::Object(written) => written,
            other => panic!("a state is written as attributes, not as {other}"),
        };
        let mut attributes = self.items.remove(key).map(|item| item.attributes).unwrap_or_default();
        let of_a_state = |name: &str| S::ATTRIBUTES.contains(&name) || S::RETIRED.contains(&name);
        attributes.retain(|name, _| !of_a_state(name));
        attributes.extend(written);
        self.items
            .insert(key.to_owned(), Item { version, format: S::FORMAT, ledger: ledger.pack(), attributes });
    }

    fn overwrite(&mut self, key: &str, stored: &Stored<S>) {
        self.write(key, stored.version, &stored.ledger, &stored.state);
    }

    fn interfere(&mut self, key: &str, fault: &CommitFault<S>) {
        match fault {
            CommitFault::Touch => match self.items.get_mut(key) {
                Some(item) => item.version += 1,
                None => self.write(key, 1, &Ledger::default(), &S::default()),
            },
            CommitFault::Overtake(stored) => self.overwrite(key, stored),
            CommitFault::Delete => drop(self.items.remove(key)),
            CommitFault::Throttle | CommitFault::LoseAnswer | CommitFault::LoseRequest => {}
        }
    }

    fn commit(&mut self, write: &Write<'_, S>) -> Commit<S> {
        let fault = self.commit_faults.draw(write.key);
        match &fault {
            Some(CommitFault::Throttle) => return Commit::Unavailable,
            Some(CommitFault::LoseRequest) => return Commit::Unknown,
            Some(fault) => self.interfere(write.key, fault),
            None => {}
        }
        let answer = self.commit_undisturbed(write);
        match fault {
            Some(CommitFault::LoseAnswer) => Commit::Unknown,
            _ => answer,
        }
    }

    fn commit_undisturbed(&mut self, write: &Write<'_, S>) -> Commit<S> {
        let rejected = || Commit::Rejected("the script rejects this item".to_owned());
        if (self.outright_rejection)(write.key, write.state) {
            return rejected();
        }
        let present = self.items.get(write.key).map(|item| item.version);
        if present != write.expected {
            return Commit::Conflict(self.read(write.key));
        }
        if (self.rejection)(write.key, write.state) {
            return rejected();
        }
        self.write(write.key, write.version, write.ledger, write.state);
        Commit::Committed
    }
}

impl<S> Store<S> for MemoryStore<S>
where
    S: KeyState + Serialize + DeserializeOwned + Send + Sync,
{
    async fn read(&self, keys: &[&str], _deadline: Deadline) -> Vec<Read<S>> {
        let takes = self.lock().read_takes;
        self.wait(takes).await;
        self.journal.note(Step::Read(keys.iter().map(|key| (*key).to_owned()).collect()));
        let reads = self.lock().read_all(keys);
        self.wait(Duration::ZERO).await;
        reads
    }

    async fn commit(&self, writes: &[Write<'_, S>], _deadline: Deadline) -> Vec<Commit<S>> {
        let takes = self.lock().commit_takes;
        self.wait(takes).await;
        self.journal.note(Step::Commit(writes.iter().map(|write| write.key.to_owned()).collect()));
        let commits = self.lock().commit_all(writes);
        self.wait(Duration::ZERO).await;
        commits
    }
}

impl OpenSessions for MemoryStore<SessionState> {
    async fn read_open(
        &self,
        limit: usize,
        from: Option<&str>,
        _deadline: Deadline,
    ) -> Result<OpenSessionsPage, TableError> {
        let mut inner = self.lock();
        if inner.read_faults.draw("").is_some() {
            return Err(TableError("the script fails it".to_owned()));
        }
        let mut page = OpenSessionsPage::default();
        let behind = from.map_or(Bound::Unbounded, Bound::Excluded);
        for (number, (key, item)) in
            inner.items.range::<str, _>((behind, Bound::Unbounded)).take(limit).enumerate()
        {
            page.next = (number + 1 == limit).then(|| key.clone());
            let mut attributes = item.attributes.clone();
            attributes.insert("key".to_owned(), key.as_str().into());
            if item.format > SessionState::READS_FORMAT {
                page.newer_format += 1;
            } else if attributes.contains_key("session") {
                match serde_json::from_value(Value::Object(attributes)) {
                    Ok(session) => page.sessions.push(session),
                    Err(_) => page.corrupt += 1,
                }
            }
        }
        Ok(page)
    }
}
