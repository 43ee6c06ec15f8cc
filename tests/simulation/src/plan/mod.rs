//! A run as data: what producers put, what operators do, what goes wrong. The run itself draws nothing but from the
//! plan's seed, so a plan is all that it takes to see a run again.

mod draw;
mod event;
mod scenarios;

use local_faults::{Outage, Strike};
use serde::{Deserialize, Serialize};

pub use draw::{FIRST_EVENT_MS, START_MS, draw};
pub(crate) use event::POISON_SKU;
pub use event::{Defect, EventSpec, Kind, stock_key, user_key};
pub use scenarios::{bot, hot_key};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What execution environments, jitter and drawn faults are drawn from.
    pub seed: u64,
    /// How stream, mapping, functions and table are set up.
    pub settings: Settings,
    /// What producers put, in order.
    pub puts: Vec<Put>,
    /// What operators do, in order.
    pub moves: Vec<Move>,
    /// When calls of a kind are refused.
    pub outages: Vec<Outage>,
    /// What else goes wrong.
    pub trouble: Trouble,
}

/// The set-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Shards at the start.
    pub shards: u32,
    /// Most records of a batch.
    pub batch_size: usize,
    /// How long the first record of a batch waits for others.
    pub window_ms: u64,
    /// Failed attempts beyond the first before a batch is discarded; unlimited where there is none.
    pub maximum_retry_attempts: Option<u32>,
    /// Age at which records are discarded; unlimited where there is none.
    pub maximum_record_age_ms: Option<u64>,
    /// Whether a batch that failed is halved.
    pub bisect: bool,
    /// Largest event of an invocation.
    pub payload_limit_bytes: usize,
    /// Batches of one shard that `archive` may have in flight.
    pub archive_parallelization: usize,
    /// Items that an execution environment remembers.
    pub cache_items: usize,
    /// How long an invocation may take.
    pub timeout_ms: u64,
    /// How often an invocation starts a new execution environment although one is idle, in a hundred.
    pub cold_percent: u32,
    /// Most identities of a class that a ledger keeps.
    pub seen_limit: usize,
    /// How far back money events count.
    pub money_dedup_window_ms: i64,
    /// How far back all others do.
    pub activity_dedup_window_ms: i64,
    /// Gap of session windows.
    pub gap_ms: i64,
    /// Their allowed lateness.
    pub lateness_ms: i64,
    /// Largest item that the table takes.
    pub item_limit_bytes: usize,
    /// How long an eventually consistent read may give the item as it was before.
    pub stale_ms: u64,
    /// Rows of one Firehose record.
    pub rows_per_record: usize,
    /// Shards of the stream of signals at the start.
    #[serde(default = "one_shard")]
    pub signal_shards: u32,
    /// Failed payments of ten minutes that are not suspicious.
    #[serde(default = "usual_failures")]
    pub failures_limit: usize,
    /// Orders that it takes to judge the next one.
    #[serde(default = "usual_orders")]
    pub minimum_orders: u64,
    /// Whether an operator looks for lost timers at the end.
    #[serde(default)]
    pub sweeps_at_end: bool,
}

const fn one_shard() -> u32 {
    1
}

const fn usual_failures() -> usize {
    5
}

const fn usual_orders() -> u64 {
    10
}

/// A record on its way into the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// When it is put, in milliseconds since the run began.
    pub at_ms: u64,
    /// What it holds.
    pub content: Content,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// One event.
    Plain(EventSpec),
    /// A CloudEvents batch of one user.
    Batch(Vec<EventSpec>),
    /// A KPL aggregate.
    Aggregate(Vec<EventSpec>),
    /// Bytes that are no event, put under a user's key.
    Garbage {
        /// The user.
        user: u32,
        /// Which garbage.
        variant: u8,
    },
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// When, in milliseconds since the run began.
    pub at_ms: u64,
    /// What.
    pub action: Action,
}

/// An operator's action.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Splits the open shard of this number, counted modulo the open ones.
    Split(u8),
    /// Merges the open shard of this number with its neighbour.
    Merge(u8),
    /// Deletes a user's item.
    Delete(u32),
    /// Redrives what mappings discarded.
    RedriveFailures,
    /// Redrives what functions rejected.
    RedriveQuarantine,
    /// Splits a shard of the stream of signals, as [`Self::Split`] does.
    SplitSignals(u8),
    /// Merges two shards of the stream of signals, as [`Self::Merge`] does.
    MergeSignals(u8),
    /// Deletes the item of a product in a store.
    DeleteStock {
        /// The store.
        store: u8,
        /// The product.
        sku: u8,
    },
    /// Deletes what makes a user suspect.
    DeleteFraud(u32),
    /// The schedule rings: timers that are due are put into the stream.
    Close,
    /// Looks for sessions that stay open because their timer is gone.
    Sweep,
    /// Deletes timers: the first, and every one of so many behind it.
    LoseTimers(u8),
}

/// What goes wrong beside outages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// By lot.
    Drawn {
        /// Faults a thousand calls.
        calls_per_mille: u32,
        /// Invocations in a thousand that end badly.
        fates_per_mille: u32,
        /// Nothing is drawn from this time on.
        until_ms: u64,
    },
    /// By script.
    Listed {
        /// The calls that meet faults.
        calls: Vec<Strike>,
        /// The invocations that end badly, by the number of their process.
        fates: Vec<(u64, Fate)>,
    },
}

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consumer {
    /// `sessions`
    Sessions,
    /// `archive`
    Archive,
    /// `fraud`
    Fraud,
    /// `inventory`
    Inventory,
}

impl Consumer {
    /// Every function.
    pub const ALL: [Self; 4] = [Self::Sessions, Self::Archive, Self::Fraud, Self::Inventory];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Archive => "archive",
            Self::Fraud => "fraud",
            Self::Inventory => "inventory",
        }
    }
}

/// How an invocation ends that does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It does not begin: no execution is free.
    NotInvoked,
    /// The mapping abandons it after this many milliseconds, while it goes on to its end.
    Abandoned(u64),
    /// It ends, and its answer is lost.
    AnswerLost,
    /// It is killed after this many milliseconds, wherever it is then.
    Killed(u64),
}

impl Fate {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotInvoked => "not_invoked",
            Self::Abandoned(_) => "abandoned",
            Self::AnswerLost => "answer_lost",
            Self::Killed(_) => "killed",
        }
    }
}
