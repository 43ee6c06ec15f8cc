//! One function's event source mapping over a model stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_source_mapping::{Action, Mapping, MappingInfo, Settings as MappingSettings, ShardInfo};

use crate::plan::{Consumer, Settings};
use crate::world::{Stream, names};

/// The mappings: which function reads which stream.
const MAPPINGS: [(Consumer, &str); 6] = [
    (Consumer::Sessions, names::EVENTS),
    (Consumer::Archive, names::EVENTS),
    (Consumer::Fraud, names::EVENTS),
    (Consumer::Inventory, names::EVENTS),
    (Consumer::Archive, names::SIGNALS),
    (Consumer::Inventory, names::SIGNALS),
];

/// Whether a function reads a stream.
pub(crate) fn reads(consumer: Consumer, stream: &str) -> bool {
    MAPPINGS.contains(&(consumer, stream))
}

/// A mapping, and how far it has read each shard.
pub(super) struct Feed {
    pub(super) consumer: Consumer,
    pub(super) stream: &'static str,
    pub(super) mapping: Mapping,
    read: BTreeMap<Arc<str>, usize>,
}

impl Feed {
    /// All mappings, set up as the plan says.
    pub(super) fn all(settings: &Settings) -> Result<Vec<Self>, String> {
        MAPPINGS.into_iter().map(|(consumer, stream)| Self::new(consumer, stream, settings)).collect()
    }

    fn new(consumer: Consumer, stream: &'static str, settings: &Settings) -> Result<Self, String> {
        let parallelization_factor = match consumer {
            Consumer::Archive => settings.archive_parallelization,
            // Those that emit signals: one batch of a shard at a time.
            Consumer::Sessions | Consumer::Fraud | Consumer::Inventory => 1,
        };
        // A signal that went past its shard's position cannot be judged later, so nothing of that stream is discarded;
        // nor is anything that nobody brings back.
        let discards = stream == names::EVENTS && redrive::config::CONSUMERS.contains(&consumer.name());
        let settings = MappingSettings {
            batch_size: settings.batch_size,
            batching_window_ms: settings.window_ms,
            parallelization_factor,
            maximum_retry_attempts: settings.maximum_retry_attempts.filter(|_| discards),
            maximum_record_age_ms: settings.maximum_record_age_ms.filter(|_| discards),
            bisect_batch_on_function_error: settings.bisect,
            report_batch_item_failures: true,
            payload_limit_bytes: if discards { settings.payload_limit_bytes } else { 6 << 20 },
            backoff_initial_ms: 200,
            backoff_max_ms: 10_000,
        };
        let info = MappingInfo {
            mapping_uuid: format!("mapping-of-{}-on-{stream}", consumer.name()),
            stream_arn: format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"),
            aws_region: "us-east-1".to_owned(),
            function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{}", consumer.name()),
            executed_version: "$LATEST".to_owned(),
            invoke_identity_arn: "arn:aws:iam::000000000000:role/model".to_owned(),
        };
        let mapping = Mapping::new(settings, Arc::new(info)).map_err(|error| error.to_string())?;
        Ok(Self { consumer, stream, mapping, read: BTreeMap::new() })
    }

    /// Reads whatever the stream holds that was not read yet.
    pub(super) fn read(&mut self, stream: &Stream, now_ms: u64) -> Result<(), String> {
        for shard in stream.shards() {
            self.mapping
                .add_shard(ShardInfo { shard_id: shard.id.clone(), parent_ids: shard.parents.clone() });
        }
        while let Some(shard_id) = self.mapping.start_next() {
            self.read.insert(shard_id, 0);
        }
        let ids: Vec<_> = self.read.keys().cloned().collect();
        for id in ids {
            let (Some(shard), Some(read)) = (stream.shard(&id), self.read.get_mut(&id)) else { continue };
            let target = self.mapping.shard_mut(&id).map_err(|error| error.to_string())?;
            for record in shard.records.get(*read..).unwrap_or_default() {
                target.push(record.clone(), now_ms).map_err(|error| error.to_string())?;
                *read += 1;
            }
            if !shard.open {
                target.close();
                self.read.remove(&id);
            }
        }
        Ok(())
    }

    /// What is to be done now; waiting when there is nothing.
    pub(super) fn poll(&mut self, now_ms: u64) -> Action {
        self.mapping.poll(now_ms).unwrap_or(Action::WaitForRecords)
    }
}
