//! Objects of one shard and second, put in the order of their batches: their keys end in a random UUID.

use millrace_domain::SequenceNumber;
use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Object, Objects, ObjectsError};

use crate::dead_letters;

/// Largest object that is read, in bytes. A batch has at most 6 MB, and Firehose collects 5 MiB for an object.
pub(crate) const OBJECT_LIMIT_BYTES: u64 = 32 * 1024 * 1024;

/// A burst in the order of its batches in their shard, what is skipped in front. Near the deadline the order may
/// be any: nothing may be sent then.
///
/// Every object is read here and, when it is sent, again: held until then, the batches of a burst could fill the memory
/// many times. An object that does not say its first sequence number comes last, where it makes no other late.
///
/// # Errors
/// When one cannot be read now: it may say it another time, and would then come behind what it stands before.
pub(crate) async fn in_order<O: Objects>(
    objects: &O,
    burst: &[(Listed, bool)],
    include_done: bool,
    deadline: Deadline,
) -> Result<Vec<(Listed, bool)>, ObjectsError> {
    let (mut ordered, unmarked): (Vec<_>, Vec<_>) =
        burst.iter().cloned().partition(|(_, is_done)| *is_done && !include_done);
    if unmarked.len() < 2 {
        ordered.extend(unmarked);
        return Ok(ordered);
    }
    let mut numbered = Vec::with_capacity(unmarked.len());
    for object in unmarked {
        let sequence = match deadline.is_near() {
            true => None,
            false => first_sequence_number(objects, &object.0.key, deadline).await?,
        };
        numbered.push((sequence, object));
    }
    // The sort is stable: objects without one, or with the same one, stay in order of their keys.
    numbered.sort_by(|(one, _), (other, _)| (one.is_none(), one).cmp(&(other.is_none(), other)));
    ordered.extend(numbered.into_iter().map(|(_, object)| object));
    Ok(ordered)
}

/// The first sequence number of an object's batch. Why it has none is reported when the object is read to be sent.
async fn first_sequence_number<O: Objects>(
    objects: &O,
    key: &str,
    deadline: Deadline,
) -> Result<Option<SequenceNumber>, ObjectsError> {
    Ok(match objects.get(key, OBJECT_LIMIT_BYTES, deadline).await? {
        Object::Whole(bytes) => dead_letters::first_sequence_number(&bytes),
        Object::Absent | Object::TooLarge => None,
    })
}
