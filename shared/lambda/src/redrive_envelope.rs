//! Redrive envelopes: wrapped around records by redrive, taken off before events are decoded.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use memchr::memmem::Finder;
use millrace_domain::redrive_envelope::{self, Encoding, RedriveEnvelope};
use millrace_domain::{Invalid, Reason, StreamPosition};

use crate::schema_registry::inflate;

/// Payloads above this are deflated, where that makes them smaller.
const DEFLATE_ABOVE_BYTES: usize = 16 * 1024;

/// Where a redriven record was first, and whom it comes back for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redriven {
    /// Where it was first, and when.
    pub first: StreamPosition,
    /// The only consumer that it comes back for; `None` means every one.
    pub target_function: Option<String>,
}

/// Finds redrive envelopes among payloads. Nearly every payload is none, which one scan of its bytes shows.
#[derive(Debug)]
pub struct RedriveEnvelopeReader(Finder<'static>);

impl Default for RedriveEnvelopeReader {
    fn default() -> Self {
        Self(Finder::new(redrive_envelope::TYPE))
    }
}

impl RedriveEnvelopeReader {
    /// Opens a payload that was put under this key and came at this time, in epoch milliseconds; `None` when it is
    /// no redrive envelope. Gives back the bytes as they were the first time.
    ///
    /// `budget_bytes` is what may still be inflated for the same record; what this payload takes is taken off.
    ///
    /// # Errors
    /// The field that breaks the redrive envelope.
    pub fn open(
        &self,
        payload: &[u8],
        partition_key: &str,
        arrived_at_ms: i64,
        budget_bytes: &mut u64,
    ) -> Option<Result<(Redriven, Bytes), Invalid>> {
        self.0.find(payload)?;
        let redrive_envelope = redrive_envelope::read(std::str::from_utf8(payload).ok()?, partition_key)?;
        Some(redrive_envelope.and_then(|redrive_envelope| {
            open_redrive_envelope(redrive_envelope, arrived_at_ms, budget_bytes)
        }))
    }
}

fn open_redrive_envelope(
    redrive_envelope: RedriveEnvelope<'_>,
    arrived_at_ms: i64,
    budget_bytes: &mut u64,
) -> Result<(Redriven, Bytes), Invalid> {
    let reject = |field: &str, rule: &str| {
        Err(Invalid::field(Reason::Contract, field, rule).of_event(&redrive_envelope.id()))
    };
    // A forged time would let an event with a wrong clock pass.
    if redrive_envelope.first.arrived_at_ms > arrived_at_ms {
        return reject("data.arrived_at", "must not lie after the arrival of the redrive envelope");
    }
    let Ok(bytes) = STANDARD.decode(redrive_envelope.data_base64.as_bytes()) else {
        return reject("data.data_base64", "must be base64");
    };
    let bytes = match redrive_envelope.encoding {
        None => bytes.into(),
        Some(Encoding::Zlib) => match inflate(&bytes, budget_bytes) {
            Ok(inflated) => inflated,
            Err(rule) => return reject("data.data_base64", rule),
        },
    };
    let target_function = redrive_envelope.target_function.map(std::borrow::Cow::into_owned);
    Ok((Redriven { first: redrive_envelope.first, target_function }, bytes))
}

/// The redrive envelope of bytes that came first at this position under this key, as JSON text. The same record gives
/// the same text.
pub fn wrap(redriven: &Redriven, partition_key: &str, bytes: &[u8]) -> String {
    let deflated = if bytes.len() > DEFLATE_ABOVE_BYTES {
        deflate(bytes).filter(|it| it.len() < bytes.len())
    } else {
        None
    };
    let redrive_envelope = RedriveEnvelope {
        first: redriven.first.clone(),
        target_function: redriven.target_function.as_deref().map(Into::into),
        data_base64: STANDARD.encode(deflated.as_deref().unwrap_or(bytes)).into(),
        encoding: deflated.is_some().then_some(Encoding::Zlib),
    };
    redrive_envelope.write(partition_key)
}

/// `None` where writing to memory fails, which it does not.
fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use millrace_domain::{Position, SequenceNumber, Shard};

    use super::*;
    use crate::schema_registry::INFLATED_LIMIT_BYTES;

    const FIRST_MS: i64 = 1_291_191_960_120;

    fn redriven() -> Redriven {
        let position =
            Position { sequence: SequenceNumber::parse("5").unwrap(), sub_sequence: 0, element: 3 };
        let first =
            StreamPosition { shard: Shard::new("events", "shard"), position, arrived_at_ms: FIRST_MS };
        Redriven { first, target_function: Some("sessions".to_owned()) }
    }

    fn opened(text: &str, arrived_at_ms: i64) -> Option<Result<(Redriven, Bytes), Invalid>> {
        let mut budget_bytes = INFLATED_LIMIT_BYTES;
        RedriveEnvelopeReader::default().open(text.as_bytes(), "u", arrived_at_ms, &mut budget_bytes)
    }

    #[test]
    fn wrapping_and_unwrapping_are_inverse() {
        let large = b"large ".repeat(20_000);
        for bytes in [&b""[..], b"\xff\x00", &large] {
            let text = wrap(&redriven(), "u", bytes);
            assert_eq!(
                opened(&text, FIRST_MS).unwrap().unwrap(),
                (redriven(), Bytes::copy_from_slice(bytes))
            );
            assert_eq!(text, wrap(&redriven(), "u", bytes));
        }
    }

    #[test]
    fn only_large_payloads_that_shrink_are_deflated() {
        let is_deflated = |bytes: &[u8]| wrap(&redriven(), "u", bytes).contains("zlib");
        assert!(!is_deflated(&[b' '; 16_384]));
        assert!(is_deflated(&[b' '; 16_385]));
        let noise: Vec<u8> =
            std::iter::repeat_with(|| fastrand::u8(..)).take(2 * DEFLATE_ABOVE_BYTES).collect();
        assert!(!is_deflated(&noise));
    }

    #[test]
    fn what_is_no_redrive_envelope_is_left_alone() {
        assert_eq!(opened(r#"{"type":"a"}"#, FIRST_MS), None);
        assert_eq!(opened(r#"{"type":"a","data":"record.redriven"}"#, FIRST_MS), None);
    }

    #[test]
    fn a_record_that_came_after_its_redrive_envelope_is_rejected() {
        let text = wrap(&redriven(), "u", b"{}");
        let invalid = opened(&text, FIRST_MS - 1).unwrap().unwrap_err();
        assert_eq!((invalid.reason, invalid.field.as_str()), (Reason::Contract, "data.arrived_at"));
        assert_eq!(invalid.event_id.as_deref(), Some("events/shard/5/0/3@sessions"));
    }

    #[test]
    fn a_payload_that_cannot_be_opened_is_rejected() {
        let text = wrap(&redriven(), "u", &[b' '; 2 * DEFLATE_ABOVE_BYTES]);
        let field = |text: &str| opened(text, FIRST_MS).unwrap().unwrap_err().field;
        assert_eq!(field(&text.replace(r#""data_base64":""#, r#""data_base64":"!"#)), "data.data_base64");
        assert_eq!(field(&text.replace(r#""data_base64":"e"#, r#""data_base64":"f"#)), "data.data_base64");
        let mut little_bytes = 2 * DEFLATE_ABOVE_BYTES as u64 - 1;
        let opened = RedriveEnvelopeReader::default().open(text.as_bytes(), "u", FIRST_MS, &mut little_bytes);
        assert!(opened.unwrap().unwrap_err().rule.contains("inflates"));
    }
}
