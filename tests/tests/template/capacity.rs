//! The largest batch that may be chosen fits into the least memory and the time that may be chosen.

use crate::yaml::{find, global, mappings, number, resource, tagged};

/// Peak memory in MiB and processor time in milliseconds of a batch of 10,000 plain records of as many keys in 6 MB, of
/// fraud of 9,190, by `tests/acceptance/largest_batch.py` on 2 cores, x86_64.
const MEASURED: [(&str, i64, i64); 4] = [
    ("SessionsFunction", 113, 630),
    ("ArchiveFunction", 39, 80),
    ("FraudFunction", 56, 220),
    ("InventoryFunction", 54, 300),
];

/// What was measured is met twice over: items that are there already take more than new ones.
const FACTOR: i64 = 2;
/// Memory in MiB that comes with a whole processor.
const WHOLE_PROCESSOR_MIB: i64 = 1_769;
/// Share of the time that may go into computing, as a divisor: the rest is waiting for services.
const COMPUTING_SHARE: i64 = 4;

fn least_memory_mib(function: &'static str) -> i64 {
    let parameter = tagged(resource(function).get("MemorySize"), "Ref").expect("a parameter");
    number(global(&format!("Parameters/{parameter}/MinValue")).expect("a least memory"))
}

#[test]
fn every_consumer_was_measured() {
    for mapping in mappings() {
        assert!(MEASURED.iter().any(|(id, ..)| *id == mapping.function.id), "{}", mapping.function.id);
    }
}

#[test]
fn no_batch_may_be_larger_than_those_that_were_measured() {
    for mapping in mappings() {
        let parameter = tagged(mapping.get("BatchSize"), "Ref").expect("a parameter");
        let largest = global(&format!("Parameters/{parameter}/MaxValue")).map(number);
        assert_eq!(largest, Some(10_000), "{parameter}");
    }
}

#[test]
fn the_least_memory_holds_the_largest_batch() {
    for (function, peak_mib, _) in MEASURED {
        let least_mib = least_memory_mib(function);
        assert!(least_mib >= FACTOR * peak_mib, "{function}: {least_mib} MiB");
    }
}

#[test]
fn the_timeout_holds_the_largest_batch_on_the_least_processor() {
    for (function, _, cpu_ms) in MEASURED {
        let given = find(resource(function).body, "Properties/Timeout");
        let timeout_ms = 1_000 * number(given.or_else(|| global("Globals/Function/Timeout")).unwrap());
        let takes_ms = FACTOR * cpu_ms * WHOLE_PROCESSOR_MIB / least_memory_mib(function);
        assert!(COMPUTING_SHARE * takes_ms <= timeout_ms, "{function}: {takes_ms} ms of {timeout_ms}");
    }
}
