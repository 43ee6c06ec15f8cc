//! From a seed to a plan.

use fastrand::Rng;
use local_faults::{Call, Outage};
use millrace_domain::time::{HOUR_MS, MINUTE_MS, SECOND_MS};

use super::event::{SKEW_LIMIT_MS, SKUS};
use super::{Action, Content, Defect, EventSpec, Kind, Move, Plan, Put, Settings, Trouble};

/// The wall clock at the start of a run, in epoch milliseconds.
pub const START_MS: i64 = 1_700_000_000_000;
/// When the first event happened: long before it arrives, so that hours of event time fit into a run.
pub const FIRST_EVENT_MS: i64 = START_MS - 12 * HOUR_MS;
/// How long producers put.
const PUTTING_MS: u64 = 60_000;
/// How many stores there are.
const STORES: u8 = 2;

/// The plan of a seed.
pub fn draw(seed: u64) -> Plan {
    let mut rng = Rng::with_seed(seed ^ 0x6d69_6c6c_7261_6365);
    let settings = settings(&mut rng);
    let puts = Puts::new(&mut rng, &settings).draw();
    let moves = moves(&mut rng);
    let mut outages = outages(&mut rng, &settings);
    let trouble = Trouble::Drawn {
        calls_per_mille: pick(&mut rng, &[0, 20, 60, 150, 300]),
        fates_per_mille: pick(&mut rng, &[0, 20, 80, 200]),
        until_ms: PUTTING_MS + 60_000,
    };
    outages.extend(outages_of_bucket(&mut rng));
    Plan { seed, settings, puts, moves, outages, trouble }
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    // The slices are constants of this file and never empty.
    from[rng.usize(0..from.len())]
}

fn settings(rng: &mut Rng) -> Settings {
    let discards = rng.u32(0..4) == 0;
    let lateness_ms = pick(rng, &[MINUTE_MS, 10 * MINUTE_MS]);
    Settings {
        shards: rng.u32(1..=3),
        batch_size: pick(rng, &[1, 3, 10, 10, 40, 100]),
        window_ms: pick(rng, &[0, 0, 1_000]),
        maximum_retry_attempts: (discards && rng.bool()).then(|| rng.u32(0..4)),
        maximum_record_age_ms: discards.then(|| rng.u64(60_000..90_000)),
        bisect: rng.bool(),
        payload_limit_bytes: if rng.u32(0..8) == 0 { 4_000 } else { 1 << 20 },
        archive_parallelization: pick(rng, &[1, 1, 3]),
        cache_items: pick(rng, &[0, 2, 100]),
        timeout_ms: pick(rng, &[3_000, 15_000, 60_000]),
        cold_percent: pick(rng, &[5, 30, 80]),
        seen_limit: pick(rng, &[2, 5, 20, 512]),
        money_dedup_window_ms: pick(rng, &[HOUR_MS, 48 * HOUR_MS]),
        activity_dedup_window_ms: lateness_ms.max(pick(rng, &[MINUTE_MS, 10 * MINUTE_MS])),
        gap_ms: pick(rng, &[10 * MINUTE_MS, 30 * MINUTE_MS]),
        lateness_ms,
        item_limit_bytes: if rng.u32(0..10) == 0 { rng.usize(700..2_500) } else { 400 * 1024 },
        stale_ms: 2_000,
        rows_per_record: pick(rng, &[1, 2, 500]),
        signal_shards: rng.u32(1..=2),
        failures_limit: pick(rng, &[1, 3, 5]),
        minimum_orders: pick(rng, &[2, 5]),
        sweeps_at_end: rng.bool(),
    }
}

fn moves(rng: &mut Rng) -> Vec<Move> {
    let mut moves = Vec::new();
    for _ in 0..pick(rng, &[0, 0, 1, 2, 4]) {
        let action = match rng.u32(0..8) {
            0..=3 => Action::Split(rng.u8(..)),
            4..=6 => Action::Merge(rng.u8(..)),
            _ => deletion(rng),
        };
        moves.push(Move { at_ms: rng.u64(0..PUTTING_MS), action });
    }
    for _ in 0..pick(rng, &[0, 0, 1, 2]) {
        let action = pick(rng, &[Action::SplitSignals, Action::MergeSignals])(rng.u8(..));
        moves.push(Move { at_ms: rng.u64(0..PUTTING_MS), action });
    }
    closes(rng, &mut moves);
    for _ in 0..pick(rng, &[0, 0, 1, 3]) {
        let action = pick(rng, &[Action::RedriveFailures, Action::RedriveQuarantine]);
        moves.push(Move { at_ms: rng.u64(0..3 * PUTTING_MS), action });
    }
    moves.sort_by_key(|action| action.at_ms);
    moves
}

fn deletion(rng: &mut Rng) -> Action {
    match rng.u32(0..4) {
        0 => Action::DeleteFraud(rng.u32(0..3)),
        1 => Action::DeleteStock { store: rng.u8(0..STORES), sku: rng.u8(0..SKUS) },
        _ => Action::Delete(rng.u32(0..3)),
    }
}

/// The schedule rings regularly, or is forgotten for long, or rings twice at once.
fn closes(rng: &mut Rng, moves: &mut Vec<Move>) {
    let every_ms = pick(rng, &[4_000, 10_000, 30_000, 60_000]);
    let mut at_ms = rng.u64(0..every_ms);
    while at_ms < 2 * PUTTING_MS {
        let times = if rng.u32(0..8) == 0 { 2 } else { 1 };
        moves.extend((0..times).map(|_| Move { at_ms, action: Action::Close }));
        let skipped = if rng.u32(0..10) == 0 { rng.u64(1..20) } else { 0 };
        at_ms += every_ms * (1 + skipped);
    }
    if rng.u32(0..8) == 0 {
        let action = Action::LoseTimers(rng.u8(1..3));
        moves.push(Move { at_ms: rng.u64(0..2 * PUTTING_MS), action });
    }
    if rng.u32(0..6) == 0 {
        moves.push(Move { at_ms: rng.u64(0..2 * PUTTING_MS), action: Action::Sweep });
    }
}

/// The calls that consumers and `close` make.
const OF_FUNCTIONS: [Call; 8] =
    [Call::Read, Call::Write, Call::Deliver, Call::Publish, Call::Arm, Call::Due, Call::Cursor, Call::Scan];

/// Where something is discarded, an outage is long enough for it.
fn outages(rng: &mut Rng, settings: &Settings) -> Vec<Outage> {
    let mut outages = Vec::new();
    let long = settings.maximum_record_age_ms.is_some();
    for _ in 0..pick(rng, &[0, 0, 1, 2]) + usize::from(long) {
        let start_ms = rng.u64(0..PUTTING_MS);
        let length_ms = if long { rng.u64(60_000..150_000) } else { rng.u64(500..20_000) };
        outages.push(Outage { call: pick(rng, &OF_FUNCTIONS), time_ms: start_ms..start_ms + length_ms });
    }
    outages
}

/// Longer than redrive tries, and also when everything else has come to an end.
fn outages_of_bucket(rng: &mut Rng) -> Vec<Outage> {
    let outage = |rng: &mut Rng| {
        let start_ms = rng.u64(0..4 * PUTTING_MS);
        let length_ms = rng.u64(5_000..60_000);
        let call = pick(rng, &[Call::List, Call::Get, Call::Put]);
        Outage { call, time_ms: start_ms..start_ms + length_ms }
    };
    (0..pick(rng, &[0, 0, 1, 3])).map(|_| outage(rng)).collect()
}

/// Draws what producers put.
struct Puts<'r> {
    rng: &'r mut Rng,
    settings: &'r Settings,
    users: u32,
    money_share: u32,
    stock_share: u32,
    bad_share: u32,
    step_ms: i64,
    clock_ms: i64,
    next_id: u32,
    put: Vec<EventSpec>,
    at_ms: u64,
}

impl<'r> Puts<'r> {
    fn new(rng: &'r mut Rng, settings: &'r Settings) -> Self {
        let users = rng.u32(1..=6);
        let money_share = pick(rng, &[10, 40, 90]);
        let stock_share = pick(rng, &[0, 5, 25]);
        let bad_share = pick(rng, &[0, 5, 20]);
        let step_ms = pick(rng, &[1, SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS]);
        let clock_ms = FIRST_EVENT_MS;
        Self {
            rng,
            settings,
            users,
            money_share,
            stock_share,
            bad_share,
            step_ms,
            clock_ms,
            next_id: 0,
            put: Vec::new(),
            at_ms: 0,
        }
    }

    fn draw(mut self) -> Vec<Put> {
        let count = pick(self.rng, &[6, 15, 30, 30, 80]);
        let burst = self.rng.u32(0..25) == 0;
        let mut puts = Vec::with_capacity(count);
        for _ in 0..count {
            self.at_ms += self.rng.u64(0..=2 * PUTTING_MS / count as u64);
            let at_ms = self.at_ms;
            let content = self.content();
            puts.push(Put { at_ms, content });
            if burst && self.rng.u32(0..20) == 0 {
                puts.extend(self.hot_key(at_ms));
            }
            if self.rng.u32(0..80) == 0 {
                puts.extend(self.failing_payments(at_ms));
            }
        }
        puts
    }

    /// Many events of one user in one millisecond.
    fn hot_key(&mut self, at_ms: u64) -> Vec<Put> {
        let like = self.event();
        let count = self.rng.u32(50..200);
        let mut next = |_| {
            self.next_id += 1;
            let event = EventSpec { id: self.next_id, defect: None, ..like.clone() };
            Put { at_ms, content: Content::Plain(event) }
        };
        (0..count).map(&mut next).collect()
    }

    /// A few payments of one user that fail within minutes.
    fn failing_payments(&mut self, at_ms: u64) -> Vec<Put> {
        let like = self.event();
        let mut time_ms = self.clock_ms;
        let mut puts = Vec::new();
        for _ in 0..self.rng.usize(3..9) {
            self.next_id += 1;
            time_ms += self.rng.i64(0..3 * MINUTE_MS);
            let kind = Kind::PaymentFailed;
            let event = EventSpec { id: self.next_id, kind, time_ms, defect: None, ..like.clone() };
            self.put.push(event.clone());
            puts.push(Put { at_ms, content: Content::Plain(event) });
        }
        puts
    }

    fn content(&mut self) -> Content {
        match self.rng.u32(0..100) {
            0..70 => Content::Plain(self.event()),
            70..78 => {
                let first = self.event();
                let count = self.rng.usize(1..4);
                let mut events = vec![first];
                for _ in 0..count {
                    let user = events[0].user;
                    let mut event = self.event();
                    // Only the events of one key may share a record.
                    event.user = user;
                    let one_key = event.key() == events[0].key();
                    if one_key && event.defect.is_none_or(|defect| defect != Defect::OtherSubject) {
                        events.push(event);
                    }
                }
                Content::Batch(events)
            }
            78..97 => {
                let count = self.rng.usize(1..6);
                Content::Aggregate((0..count).map(|_| self.event()).collect())
            }
            _ => Content::Garbage { user: self.rng.u32(0..self.users), variant: self.rng.u8(0..3) },
        }
    }

    fn event(&mut self) -> EventSpec {
        if !self.put.is_empty() && self.rng.u32(0..100) < 20 {
            return self.again();
        }
        self.next_id += 1;
        self.clock_ms += self.rng.i64(0..=2 * self.step_ms);
        let money = self.rng.u32(0..100) < self.money_share;
        let stock = self.rng.u32(0..100) < self.stock_share;
        let kind = match (stock, money) {
            (true, _) => pick(self.rng, &Kind::STOCK),
            (_, true) => pick(self.rng, &Kind::MONEY),
            _ => pick(self.rng, &Kind::ACTIVITY),
        };
        let defect = (self.rng.u32(0..100) < self.bad_share).then(|| self.defect());
        let mut event = EventSpec {
            id: self.next_id,
            variant: 0,
            user: self.rng.u32(0..self.users),
            kind,
            store: self.rng.u8(0..STORES),
            sku: self.rng.u8(0..SKUS),
            more_lines: if self.rng.u32(0..4) == 0 { self.rng.u8(1..4) } else { 0 },
            quantity: self.rng.u16(0..5),
            time_ms: self.time_ms(kind),
            padding: if self.rng.u32(0..40) == 0 { self.rng.u32(0..4_000) } else { 0 },
            defect,
        };
        match defect {
            Some(Defect::ClockSkew) => event.time_ms = START_MS + self.arrival() + SKEW_LIMIT_MS + 1,
            Some(Defect::Contract | Defect::Poison) if matches!(kind, Kind::Login | Kind::Unknown) => {
                event.kind = Kind::View;
            }
            Some(Defect::Poison) if kind == Kind::PaymentFailed => event.kind = Kind::Order,
            // The contract of stock events finds it first.
            Some(Defect::OtherSubject) if kind.is_of_stock() => event.kind = Kind::View,
            _ => {}
        }
        self.put.push(event.clone());
        event
    }

    fn defect(&mut self) -> Defect {
        let all =
            [Defect::Contract, Defect::Envelope, Defect::OtherSubject, Defect::ClockSkew, Defect::Poison];
        pick(self.rng, &all)
    }

    fn arrival(&self) -> i64 {
        i64::try_from(self.at_ms).unwrap_or(i64::MAX)
    }

    /// An event that was put before, as it was or, by mistake, with another payload under its id.
    fn again(&mut self) -> EventSpec {
        let newest = self.put.len().saturating_sub(30);
        let mut event = self.put[self.rng.usize(newest..self.put.len())].clone();
        if event.defect.is_none() && self.rng.u32(0..8) == 0 {
            event.variant = self.rng.u8(1..3);
            if self.rng.bool() {
                event.time_ms += self.rng.i64(-MINUTE_MS..MINUTE_MS);
            }
            let variants = |put: &&EventSpec| put.is_same_event(&event);
            match self.put.iter().find(variants) {
                Some(put) => return put.clone(),
                None => self.put.push(event.clone()),
            }
        }
        event
    }

    /// Mostly the present; now and then at the borders of what is late, or by a clock that is wrong.
    fn time_ms(&mut self, kind: Kind) -> i64 {
        let settings = self.settings;
        let dedup_window_ms =
            if kind.is_money() { settings.money_dedup_window_ms } else { settings.activity_dedup_window_ms };
        match self.rng.u32(0..100) {
            0..60 => self.clock_ms,
            60..75 => self.clock_ms - self.rng.i64(0..=settings.lateness_ms),
            75..85 => self.clock_ms - self.rng.i64(0..=2 * dedup_window_ms),
            85..90 => self.clock_ms - dedup_window_ms + self.rng.i64(-1..=1),
            90..93 => self.clock_ms - settings.gap_ms - settings.lateness_ms + self.rng.i64(-1..=1),
            93..96 => self.clock_ms + settings.gap_ms + self.rng.i64(-1..=1),
            96 => self.clock_ms - 30 * 24 * HOUR_MS,
            97 if self.rng.u32(0..6) == 0 => START_MS + self.arrival() + self.rng.i64(0..=SKEW_LIMIT_MS),
            _ => self.clock_ms + self.rng.i64(0..=HOUR_MS),
        }
    }
}
