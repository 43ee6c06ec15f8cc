//! What struck, counted.

use std::collections::BTreeMap;

use local_faults::{Call, Fault, Source};

/// How often what struck: by kind of call, or `invocation`, then by kind of fault.
pub(crate) type Struck = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

/// A source that counts the faults that it gives out.
#[derive(Debug)]
pub(super) struct Recorder {
    source: Box<dyn Source>,
    pub(super) struck: Struck,
}

impl Recorder {
    pub(super) fn new(source: impl Source + 'static) -> Self {
        Self { source: Box::new(source), struck: Struck::new() }
    }

    pub(super) fn count(&mut self, of: &'static str, kind: &'static str) {
        *self.struck.entry(of).or_default().entry(kind).or_default() += 1;
    }
}

impl Source for Recorder {
    fn next(&mut self, process: u64, call: Call, now_ms: u64) -> Option<Fault> {
        let fault = self.source.next(process, call, now_ms)?;
        self.count(call.name(), fault.name());
        Some(fault)
    }
}

/// Throttles the first calls of a kind, whoever makes them.
#[derive(Debug)]
pub(super) struct FirstThrottled {
    pub(super) call: Call,
    pub(super) left: u64,
}

impl Source for FirstThrottled {
    fn next(&mut self, _process: u64, call: Call, _now_ms: u64) -> Option<Fault> {
        if call != self.call || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(Fault::Throttled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_calls_of_the_kind_are_throttled_and_counted() {
        let mut recorder = Recorder::new(FirstThrottled { call: Call::Write, left: 2 });
        let calls = [Call::Read, Call::Write, Call::Write, Call::Write];
        let faults: Vec<_> =
            (0..).zip(calls).map(|(process, call)| recorder.next(process, call, 0)).collect();
        assert_eq!(faults, [None, Some(Fault::Throttled), Some(Fault::Throttled), None]);
        assert_eq!(recorder.struck, BTreeMap::from([("write", BTreeMap::from([("throttled", 2)]))]));
    }
}
