//! What a call may meet.

use serde::{Deserialize, Serialize};

/// One thing that goes wrong, and when: before the service acts, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The service refuses the whole request for its rate.
    Throttled,
    /// The service refuses the entries of a batch whose bit is set, by index modulo 64, for their rate; a list ends
    /// before it has as much as was asked for.
    Partly(u64),
    /// The service refuses for want of a permission.
    Denied,
    /// The request does not reach the service.
    RequestLost,
    /// The service acts, and its answer does not come back.
    AnswerLost,
    /// The service answers with a server error and has done nothing.
    ServerError,
    /// The service answers with a server error and has done everything.
    ServerErrorAfterEffect,
    /// The request takes this many milliseconds to reach the service.
    SlowRequest(u64),
    /// The answer takes this many milliseconds to come back.
    SlowAnswer(u64),
    /// The calling process dies before the service acts.
    CrashBefore,
    /// The calling process dies once the service has acted.
    CrashAfter,
}

impl Fault {
    /// The name in tables, without what is drawn beside it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Partly(_) => "partly",
            Self::Denied => "denied",
            Self::RequestLost => "request_lost",
            Self::AnswerLost => "answer_lost",
            Self::ServerError => "server_error",
            Self::ServerErrorAfterEffect => "server_error_after_effect",
            Self::SlowRequest(_) => "slow_request",
            Self::SlowAnswer(_) => "slow_answer",
            Self::CrashBefore => "crash_before",
            Self::CrashAfter => "crash_after",
        }
    }

    /// The names of all faults.
    pub const NAMES: [&'static str; 11] = [
        "throttled",
        "partly",
        "denied",
        "request_lost",
        "answer_lost",
        "server_error",
        "server_error_after_effect",
        "slow_request",
        "slow_answer",
        "crash_before",
        "crash_after",
    ];

    /// The fault of this index into [`Self::NAMES`], its particulars drawn from `rng`. Slowness stays below
    /// `slow_limit_ms`.
    pub(crate) fn draw(index: usize, rng: &mut fastrand::Rng, slow_limit_ms: u64) -> Self {
        match index {
            0 => Self::Throttled,
            1 => Self::Partly(rng.u64(..) | 1 << rng.u32(0..8)),
            2 => Self::Denied,
            3 => Self::RequestLost,
            4 => Self::AnswerLost,
            5 => Self::ServerError,
            6 => Self::ServerErrorAfterEffect,
            7 => Self::SlowRequest(rng.u64(1..=slow_limit_ms.max(1))),
            8 => Self::SlowAnswer(rng.u64(1..=slow_limit_ms.max(1))),
            9 => Self::CrashBefore,
            _ => Self::CrashAfter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_draws_the_fault_of_its_name() {
        let mut rng = fastrand::Rng::with_seed(1);
        for (index, name) in Fault::NAMES.into_iter().enumerate() {
            assert_eq!(Fault::draw(index, &mut rng, 5).name(), name);
        }
    }
}
