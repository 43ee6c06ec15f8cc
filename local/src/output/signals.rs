//! Signals, one a line, each once by its origin.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_kinesis::Client;
use serde_json::Value;

use super::whole::write_whole;
use crate::error::Error;
use crate::mapping::read_all;
use crate::options::SIGNALS_STREAM;

/// The file below a run's folder.
const FILE: &str = "signals.jsonl";

/// What a signal is known by: the function that emitted it, stream and shard of its cause, the cause's position in it
/// and the signal's index.
type Origin = ([String; 3], Vec<u64>, String);

/// Signals by origin: what was emitted again is one.
#[derive(Debug, Default)]
pub(crate) struct Signals(BTreeMap<Origin, Value>);

impl Signals {
    /// Everything that the stream of signals holds.
    pub(crate) async fn read(kinesis: &Client) -> Result<Self, Error> {
        let mut signals = Self::default();
        read_all(kinesis.clone(), SIGNALS_STREAM, |record| signals.add_record(&record.data)).await?;
        Ok(signals)
    }

    /// Adds the signals of a record: a CloudEvent, or several of them.
    pub(super) fn add_record(&mut self, data: &[u8]) {
        match serde_json::from_slice(data) {
            Ok(Value::Array(events)) => events.into_iter().for_each(|event| self.add(event)),
            Ok(event) => self.add(event),
            // Nothing but functions puts into this stream; `archive` quarantines what is none of theirs.
            Err(_) => {}
        }
    }

    /// Adds a signal. What names no origin is no signal, but an event on its way to a signal's key.
    fn add(&mut self, event: Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| event[name].as_u64().unwrap_or_default();
        if event.get("originshardid").is_none() {
            return;
        }
        let position = ["originsubsequence", "originelement", "originindex"].map(number).to_vec();
        let sequence = text("originsequencenumber");
        // Padded, so that the order of texts is that of numbers.
        let cause = ["source", "originstream", "originshardid"].map(text);
        let origin = (cause, position, format!("{sequence:0>129}"));
        self.0.entry(origin).or_insert(event);
    }

    /// Adds those of an earlier run's file.
    pub(crate) fn load(&mut self, out: &Path) -> Result<(), Error> {
        let path = out.join(FILE);
        if !path.exists() {
            return Ok(());
        }
        let text = std::fs::read(&path).map_err(Error::output(&path))?;
        text.split(|byte| *byte == b'\n').for_each(|line| self.add_record(line));
        Ok(())
    }

    /// The signals in order of time, and of subject, type and id where that is the same.
    pub(crate) fn in_order(&self) -> Vec<&Value> {
        let mut signals: Vec<_> = self.0.values().collect();
        let order = |signal: &Value| {
            ["time", "subject", "type", "id"].map(|name| signal[name].as_str().unwrap_or_default().to_owned())
        };
        signals.sort_by_cached_key(|signal| order(signal));
        signals
    }

    /// How many there are of each type.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for signal in self.0.values() {
            *counts.entry(signal["type"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Writes `signals.jsonl` below `out`.
    pub(crate) fn write(&self, out: &Path) -> Result<(), Error> {
        let lines: String = self.in_order().iter().map(|signal| format!("{signal}\n")).collect();
        write_whole(&out.join(FILE), lines.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kinesis::primitives::Blob;
    use aws_sdk_kinesis::types::PutRecordsRequestEntry;

    use super::*;
    use crate::cli::Ports;
    use crate::world::World;

    fn signal(id: &str, sequence: &str, index: u64) -> String {
        format!(
            r#"{{"id":"{id}","source":"urn:millrace:sessions","type":"stock.sold","subject":"s#a","time":"2025-01-01T00:00:00.000Z","originstream":"events","originshardid":"shard","originsequencenumber":"{sequence}","originindex":{index}}}"#
        )
    }

    #[test]
    fn a_signal_emitted_again_is_one_and_what_has_no_origin_is_none() {
        let mut signals = Signals::default();
        let (one, two, three) = (signal("a-0", "9", 0), signal("a-1", "9", 1), signal("b-0", "10", 0));
        let of_signals =
            signal("c-0", "9", 0).replace(r#""originstream":"events""#, r#""originstream":"signals""#);
        let none = r#"{"type":"stock.received"}"#.to_owned();
        for record in [format!("[{one},{two}]"), one, three, of_signals, none] {
            signals.add_record(record.as_bytes());
        }
        let ids: Vec<_> = signals.in_order().iter().map(|signal| signal["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["a-0", "a-1", "b-0", "c-0"]);
        assert_eq!(signals.counts(), [("stock.sold".to_owned(), 4)].into());
    }

    #[test]
    fn what_was_written_is_read_again() {
        let out = tempfile::tempdir().unwrap();
        let mut signals = Signals::default();
        signals.add_record(signal("a-0", "9", 0).as_bytes());
        signals.write(out.path()).unwrap();
        let mut again = Signals::default();
        again.load(out.path()).unwrap();
        assert_eq!(again.in_order(), signals.in_order());
    }

    #[tokio::test]
    async fn all_of_a_shard_is_read_and_not_its_first_page_alone() {
        const RECORDS: usize = 10_001;
        let out = tempfile::tempdir().unwrap();
        let world = World::start(out.path(), 1, Ports::ANY).await.unwrap();
        let numbers: Vec<_> = (0..RECORDS).map(|number| number.to_string()).collect();
        for numbers in numbers.chunks(500) {
            let record = |number: &String| {
                let data = Blob::new(signal(number, number, 0));
                PutRecordsRequestEntry::builder().partition_key("s#a").data(data).build().unwrap()
            };
            let records = Some(numbers.iter().map(record).collect());
            let request = world.clients.kinesis.put_records().stream_name(SIGNALS_STREAM);
            request.set_records(records).send().await.unwrap();
        }
        let signals = Signals::read(&world.clients.kinesis).await.unwrap();
        assert_eq!(signals.in_order().len(), RECORDS);
    }
}
