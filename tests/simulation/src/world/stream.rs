//! A Kinesis stream: shards that split and merge while records flow.

use bytes::Bytes;
use event_source_mapping::Record;
use fastrand::Rng;
use md5::{Digest, Md5};

use super::RecordId;

/// A stream.
#[derive(Debug)]
pub struct Stream {
    shards: Vec<Shard>,
    /// How many records it took.
    taken: u64,
    rng: Rng,
    /// A digit of its sequence numbers, so that no two streams share one.
    number: u8,
}

/// A shard and its records.
#[derive(Debug)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The shards that it was made from.
    pub parents: Vec<String>,
    /// Whether it takes records.
    pub open: bool,
    /// Its records, in order.
    pub records: Vec<Record>,
    first_hash: u128,
    last_hash: u128,
    /// First digits of its sequence numbers: they compare within a shard only.
    prefix: u32,
}

/// A record that a stream does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutError;

/// Largest record in bytes, partition key included.
const RECORD_LIMIT_BYTES: usize = 1 << 20;

impl Stream {
    /// A stream of so many shards, with a number below ten.
    pub fn new(shards: u32, seed: u64, number: u8) -> Self {
        let rng = Rng::with_seed(seed);
        let mut stream = Self { shards: Vec::new(), taken: 0, rng, number };
        let width = u128::MAX / u128::from(shards);
        for index in 0..u128::from(shards) {
            let last = if index + 1 == u128::from(shards) { u128::MAX } else { (index + 1) * width - 1 };
            stream.add(Vec::new(), (index * width, last));
        }
        stream
    }

    fn add(&mut self, parents: Vec<String>, (first_hash, last_hash): (u128, u128)) {
        let id = format!("shardId-{:012}", self.shards.len());
        let prefix = self.rng.u32(10..100);
        let shard = Shard { id, parents, open: true, records: Vec::new(), first_hash, last_hash, prefix };
        self.shards.push(shard);
    }

    /// All shards, oldest first.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shard of this id.
    pub fn shard(&self, id: &str) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.id == id)
    }

    /// The id of the shard that a key goes to now.
    pub fn shard_of(&self, partition_key: &str) -> Option<&str> {
        let hash = hash(partition_key);
        let shard = self.shards.iter().find(|shard| shard.takes(hash))?;
        Some(&shard.id)
    }

    /// Puts a record under `partition_key`, into the shard that `hash_key` belongs to; gives back which it is.
    ///
    /// # Errors
    /// When it is larger than a stream takes.
    pub fn put(
        &mut self,
        partition_key: &str,
        hash_key: &str,
        data: Bytes,
        now_ms: u64,
    ) -> Result<RecordId, PutError> {
        if data.len() + partition_key.len() > RECORD_LIMIT_BYTES {
            return Err(PutError);
        }
        let hash = hash(hash_key);
        let shard = self.shards.iter_mut().find(|shard| shard.takes(hash)).ok_or(PutError)?;
        let id = RecordId { stream: self.number, order: self.taken, prefix: shard.prefix };
        shard.records.push(Record {
            sequence_number: id.to_string(),
            partition_key: partition_key.to_owned(),
            data,
            approximate_arrival_ms: now_ms,
        });
        self.taken += 1;
        Ok(id)
    }

    /// Splits an open shard, chosen by `nth`.
    pub fn split(&mut self, nth: u8) -> bool {
        let open: Vec<_> = (0..self.shards.len()).filter(|index| self.shards[*index].open).collect();
        let chosen = open[usize::from(nth) % open.len()];
        let parent = &mut self.shards[chosen];
        let (first, last) = (parent.first_hash, parent.last_hash);
        let middle = first + (last - first) / 2;
        if middle == last {
            return false;
        }
        parent.open = false;
        let parents = vec![parent.id.clone()];
        self.add(parents.clone(), (first, middle));
        self.add(parents, (middle + 1, last));
        true
    }

    /// Merges an open shard, chosen by `nth`, with the one behind it.
    pub fn merge(&mut self, nth: u8) -> bool {
        let mut open: Vec<_> = (0..self.shards.len()).filter(|index| self.shards[*index].open).collect();
        if open.len() < 2 {
            return false;
        }
        open.sort_by_key(|index| self.shards[*index].first_hash);
        let left = usize::from(nth) % (open.len() - 1);
        let (left, right) = (open[left], open[left + 1]);
        let range = (self.shards[left].first_hash, self.shards[right].last_hash);
        let parents = [left, right].map(|index| {
            self.shards[index].open = false;
            self.shards[index].id.clone()
        });
        self.add(parents.to_vec(), range);
        true
    }
}

impl Shard {
    fn takes(&self, hash: u128) -> bool {
        self.open && (self.first_hash..=self.last_hash).contains(&hash)
    }
}

fn hash(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_open_shard_whatever_is_split_and_merged() {
        let mut stream = Stream::new(3, 1, 0);
        for nth in 0..20 {
            if nth % 3 == 0 {
                stream.merge(nth)
            } else {
                stream.split(nth)
            };
            for key in 0..50 {
                let hash = hash(&key.to_string());
                assert_eq!(stream.shards.iter().filter(|shard| shard.takes(hash)).count(), 1);
            }
        }
    }
}
