//! The whole stream: shards with their lineage.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Action, InvalidSettings, MappingInfo, Settings, Shard, ShardInfo};

/// The event source mapping of one stream and one function.
///
/// A child shard starts when its parents have ended and are drained: read earlier, it would overtake the records
/// that its keys left in a parent. AWS documents this for the Kinesis Client Library, and of its own mapping only
/// that it keeps the order of a partition key [L-KIN].
#[derive(Debug)]
pub struct Mapping {
    settings: Settings,
    info: Arc<MappingInfo>,
    shards: BTreeMap<Arc<str>, Member>,
    /// Shards that are done, for `ListShards` names them until their records expire.
    finished: BTreeSet<Arc<str>>,
}

#[derive(Debug)]
struct Member {
    parent_ids: Vec<String>,
    /// `None` until the shard is started.
    shard: Option<Shard>,
}

impl Mapping {
    /// A mapping without shards.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn new(settings: Settings, info: Arc<MappingInfo>) -> Result<Self, InvalidSettings> {
        settings.validate()?;
        Ok(Self { settings, info, shards: BTreeMap::new(), finished: BTreeSet::new() })
    }

    /// Adds a shard; whether it is new. A known or finished shard is left as it is, so that every listing can be
    /// added in full. A parent that was never added counts as expired and holds nothing back: add a whole listing
    /// before starting shards.
    pub fn add_shard(&mut self, info: ShardInfo) -> bool {
        let shard_id: Arc<str> = info.shard_id.into();
        if self.finished.contains(&shard_id) || self.shards.contains_key(&shard_id) {
            return false;
        }
        self.shards.insert(shard_id, Member { parent_ids: info.parent_ids, shard: None });
        true
    }

    /// Says that a shard was finished by an earlier run, or is gone: it is not started and its children may be.
    pub fn finish(&mut self, shard_id: &str) {
        self.shards.remove(shard_id);
        self.finished.insert(shard_id.into());
    }

    /// Starts the first shard, in the order of ids, that may start; the caller begins to read it.
    pub fn start_next(&mut self) -> Option<Arc<str>> {
        let is_startable = |member: &Member| {
            let is_known = |parent_id: &String| self.shards.contains_key(parent_id.as_str());
            member.shard.is_none() && !member.parent_ids.iter().any(is_known)
        };
        let startable = self.shards.iter().find(|(_, member)| is_startable(member));
        let shard_id = Arc::clone(startable?.0);
        let (settings, info) = (self.settings.clone(), Arc::clone(&self.info));
        let member = self.shards.get_mut(&shard_id)?;
        member.shard = Some(Shard::with_valid_settings(settings, info, Arc::clone(&shard_id)));
        Some(shard_id)
    }

    /// Decides what is to be done at `now_ms`, over all started shards in the order of their ids.
    ///
    /// [`Action::Finished`] comes once for each shard; then the shard is gone, and
    /// [`start_next`](Self::start_next) may start its children. `None` when there is no shard at all.
    pub fn poll(&mut self, now_ms: u64) -> Option<Action> {
        if self.shards.is_empty() {
            return None;
        }
        let mut wait = Action::WaitForRecords;
        let mut finished = None;
        for shard in self.shards.values_mut().filter_map(|member| member.shard.as_mut()) {
            match shard.poll(now_ms) {
                Action::Finished(shard_id) => {
                    finished = Some(shard_id);
                    break;
                }
                action @ (Action::Invoke(_) | Action::Discard(_)) => return Some(action),
                next => wait = sooner(wait, next),
            }
        }
        let Some(shard_id) = finished else { return Some(wait) };
        self.finish(&shard_id);
        Some(Action::Finished(shard_id))
    }

    /// A started shard.
    ///
    /// # Errors
    /// If the shard is unknown, not started, or finished.
    pub fn shard(&self, shard_id: &str) -> Result<&Shard, MappingError> {
        let member = self.shards.get(shard_id).ok_or_else(|| absent(&self.finished, shard_id))?;
        member.shard.as_ref().ok_or_else(|| MappingError::NotStarted { shard_id: shard_id.into() })
    }

    /// A started shard, to push records, close it, and report outcomes.
    ///
    /// # Errors
    /// If the shard is unknown, not started, or finished.
    pub fn shard_mut(&mut self, shard_id: &str) -> Result<&mut Shard, MappingError> {
        let member = self.shards.get_mut(shard_id).ok_or_else(|| absent(&self.finished, shard_id))?;
        member.shard.as_mut().ok_or_else(|| MappingError::NotStarted { shard_id: shard_id.into() })
    }

    /// Records that wait or are under way, over all started shards.
    pub fn buffered(&self) -> usize {
        self.shards.values().filter_map(|member| member.shard.as_ref()).map(Shard::buffered).sum()
    }

    /// Ids of the shards that are not finished, in order, and whether each is started.
    pub fn shard_ids(&self) -> impl Iterator<Item = (&Arc<str>, bool)> {
        self.shards.iter().map(|(shard_id, member)| (shard_id, member.shard.is_some()))
    }
}

fn absent(finished: &BTreeSet<Arc<str>>, shard_id: &str) -> MappingError {
    if finished.contains(shard_id) {
        MappingError::Finished { shard_id: shard_id.into() }
    } else {
        MappingError::UnknownShard { shard_id: shard_id.into() }
    }
}

/// The waiting action that ends first; a time is known, so it goes before an event that is not.
fn sooner(left: Action, right: Action) -> Action {
    match (left, right) {
        (Action::WaitUntil(left_ms), Action::WaitUntil(right_ms)) => Action::WaitUntil(left_ms.min(right_ms)),
        (wait @ Action::WaitUntil(_), _) | (_, wait @ Action::WaitUntil(_)) => wait,
        (wait @ Action::WaitForInvocations, _) | (_, wait @ Action::WaitForInvocations) => wait,
        (_, wait) => wait,
    }
}

/// A shard that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The shard was never added.
    #[error("shard {shard_id} is unknown")]
    UnknownShard {
        /// The shard.
        shard_id: Arc<str>,
    },
    /// The shard was added and not started, perhaps because a parent is not finished.
    #[error("shard {shard_id} is not started")]
    NotStarted {
        /// The shard.
        shard_id: Arc<str>,
    },
    /// The shard ended and all its records are done.
    #[error("shard {shard_id} is finished")]
    Finished {
        /// The shard.
        shard_id: Arc<str>,
    },
}
