//! Decoding takes at most ten times the bytes of its text, whatever the text is, and on the error paths most of all: an
//! invocation that runs out of memory answers nothing, and its records come again until they expire.
//!
//! One test, since all of a process shares one count.

#[cfg(test)]
mod blown_up;
#[cfg(test)]
mod decoders;
#[cfg(test)]
mod texts;

#[cfg(test)]
mod tests {
    use std::alloc::System;
    use std::fmt::Write as _;

    use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};

    use crate::decoders::{DECODERS, Decoder};
    use crate::{blown_up, texts};

    #[global_allocator]
    static GLOBAL: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

    /// Most bytes that decoding holds for each byte of its text.
    const LIMIT_FACTOR: usize = 10;

    /// The peak above the start, in bytes.
    fn peak_bytes(decoder: &Decoder, text: &[u8]) -> usize {
        let prepared = (decoder.prepare)(text);
        GLOBAL.reset_peak_memory();
        (decoder.run)(&prepared);
        GLOBAL.get_peak_memory()
    }

    #[test]
    fn decoding_takes_at_most_ten_times_the_bytes_of_its_text() {
        let (mut table, mut beyond) = (String::new(), String::new());
        for decoder in DECODERS {
            let (mut worst, mut worst_name, mut cases) = (0, String::new(), 0);
            let mut measure = |name: &str, text: &[u8]| {
                cases += 1;
                let tenths = 10 * peak_bytes(decoder, text) / text.len().max(1);
                if tenths > 10 * LIMIT_FACTOR {
                    writeln!(beyond, "{} of {name}: {}.{} times", decoder.name, tenths / 10, tenths % 10)
                        .unwrap();
                }
                if tenths >= worst {
                    (worst, worst_name) = (tenths, name.to_owned());
                }
            };
            texts::of(decoder.kind, &mut measure);
            blown_up::corpus(decoder.corpus, decoder.kind, &mut measure);
            let line =
                format!("{:16} {:2}.{} times, {worst_name} of {cases}", decoder.name, worst / 10, worst % 10);
            println!("{line}");
            writeln!(table, "{line}").unwrap();
        }
        assert!(beyond.is_empty(), "more than {LIMIT_FACTOR} times the text:\n{beyond}\n{table}");
    }
}
