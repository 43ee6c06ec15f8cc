//! What must become of a key's events, in the simplest way: nothing is forgotten, nothing is packed.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::decode::{Arrival, decode};
use millrace_domain::fold::{Delivery, Emit, KeyState};
use millrace_domain::signal::Signal;
use millrace_domain::timer::{Timer, TimerDue};
use millrace_domain::{Data, Event, Position, SequenceNumber, Shard};

use super::sent::{Sent, SentOrigin, ShardName};
use crate::plan::{Defect, EventSpec, Settings};
use crate::run::{code, wake_code};

/// Something that a key is to deal with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening<'a> {
    /// A producer's event.
    Event(&'a EventSpec),
    /// A timer that is due, with its key and its time.
    Timer(&'a str, i64),
    /// A signal, with its text as it lies in the stream.
    Signal(&'a Sent),
}

/// What must become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Applied,
    Duplicate,
    Collision,
    Late,
    Poisoned,
}

/// One key.
#[derive(Clone)]
pub(super) struct Reference<'p, S: KeyState> {
    settings: &'p Settings,
    own: &'p S::Settings,
    largest_ms: i64,
    classes: [Class; 2],
    /// The last origin of each shard of a source.
    origins: BTreeMap<(String, ShardName), SentOrigin>,
    /// Times and hashed identities of all signals applied.
    emitted: BTreeSet<(i64, u64)>,
    /// The key's state.
    pub(super) state: S,
    /// What the key has emitted.
    pub(super) signals: Vec<Signal>,
}

/// All that was ever decided in a class, and what may be judged by it.
#[derive(Clone, Debug)]
struct Class {
    watermark_ms: i64,
    decided: Vec<(i64, u64)>,
}

impl Happening<'_> {
    /// It as the text of an event, with its key.
    fn text(&self) -> (String, String) {
        match self {
            Self::Event(spec) => (spec.text(), spec.key()),
            Self::Timer(key, due_at_ms) => {
                let timer = Timer { key: (*key).to_owned(), due_at_ms: *due_at_ms };
                (timer.event_text().unwrap_or_default(), timer.key)
            }
            Self::Signal(sent) => (sent.text.clone(), sent.key.clone()),
        }
    }

    /// Its number in the list of what was applied.
    pub(super) fn number(&self) -> u64 {
        if let Self::Timer(_, due_at_ms) = self {
            return wake_code(*due_at_ms);
        }
        let mut number = 0;
        self.with_event(|event| number = code(event));
        number
    }

    /// What a signal that it causes has in front of its index.
    pub(super) fn cause(&self) -> String {
        let mut cause = String::new();
        self.with_event(|event| {
            let hash = millrace_domain::identity::cause_hash(&event.source, &event.subject, &event.id);
            cause = format!("{hash:032x}");
        });
        cause
    }

    fn time_and_identity(&self) -> (i64, u64) {
        let mut both = (0, 0);
        self.with_event(|event| both = (event.time_ms, event.identity()));
        both
    }

    pub(super) fn with_event(&self, mut with: impl FnMut(&Event<'_>)) {
        let (text, key) = self.text();
        let arrival = Arrival { partition_key: &key, arrived_at_ms: i64::MAX };
        decode(text.as_bytes(), &arrival, |decoded| {
            if let Ok(event) = &decoded.event {
                with(event);
            }
        });
    }

    fn is_money(&self) -> bool {
        matches!(self, Self::Event(spec) if spec.kind.is_money())
    }
}

fn shard_of(sent: &Sent) -> (String, ShardName) {
    (sent.source.clone(), sent.origin.shard.clone())
}

fn id(number: u64) -> u64 {
    number >> 32
}

impl<'p, S: KeyState> Reference<'p, S> {
    pub(super) fn new(settings: &'p Settings, own: &'p S::Settings) -> Self {
        let class = || Class { watermark_ms: i64::MIN, decided: Vec::new() };
        Self {
            settings,
            own,
            largest_ms: i64::MIN,
            classes: [class(), class()],
            origins: BTreeMap::new(),
            emitted: BTreeSet::new(),
            state: S::default(),
            signals: Vec::new(),
        }
    }

    /// What must become of the next one.
    pub(super) fn expect(&mut self, next: &Happening<'_>, number: u64) -> Expected {
        let spec = match next {
            Happening::Event(spec) => spec,
            Happening::Timer(_, due_at_ms) => return self.expect_timer(next, *due_at_ms),
            Happening::Signal(sent) => return self.expect_signal(next, sent),
        };
        let class = &self.classes[usize::from(next.is_money())];
        if spec.time_ms < class.watermark_ms {
            return Expected::Late;
        }
        let known = || class.decided.iter().filter(|(time_ms, _)| *time_ms >= class.watermark_ms);
        if known().any(|(_, decided)| *decided == number) {
            return Expected::Duplicate;
        }
        if known().any(|(_, decided)| id(*decided) == id(number)) {
            return Expected::Collision;
        }
        let mut too_late = false;
        next.with_event(|event| too_late = self.state.is_too_late(event));
        match spec.defect {
            _ if too_late => Expected::Late,
            Some(Defect::Poison) => Expected::Poisoned,
            _ => Expected::Applied,
        }
    }

    /// A signal is new above the last one of its shard, unless it is among the newest that were applied. One that is
    /// known again from another position moves its shard on.
    fn expect_signal(&mut self, signal: &Happening<'_>, sent: &Sent) -> Expected {
        let last = self.origins.get(&shard_of(sent));
        let is_above = last.is_none_or(|last| sent.origin > *last);
        let identity = signal.time_and_identity();
        let newest_ms = self.emitted.last().map_or(i64::MIN, |(time_ms, _)| *time_ms);
        let is_recent = identity.0 >= newest_ms.saturating_sub(self.settings.money_dedup_window_ms);
        let is_among_newest = self.emitted.range(identity..).count() <= self.settings.seen_limit;
        let is_known = self.emitted.contains(&identity) && is_recent && is_among_newest;
        if is_above && is_known {
            self.origins.insert(shard_of(sent), sent.origin.clone());
        }
        if is_above && !is_known { Expected::Applied } else { Expected::Duplicate }
    }

    /// A timer does its work once, at a key that has had events.
    fn expect_timer(&self, timer: &Happening<'_>, due_at_ms: i64) -> Expected {
        if self.largest_ms == i64::MIN {
            return Expected::Duplicate;
        }
        let Some(wakes_at_ms) = self.wakes_at_ms(due_at_ms) else { return Expected::Duplicate };
        let mut copy =
            Reference { state: self.state.clone(), ..Reference::<S>::new(self.settings, self.own) };
        copy.largest_ms = self.largest_ms;
        let woken = copy.fold(timer, self.largest_ms.max(wakes_at_ms));
        if woken || wakes_at_ms > self.largest_ms { Expected::Applied } else { Expected::Duplicate }
    }

    /// How far a timer moves the event time: not beyond what the state waits for.
    fn wakes_at_ms(&self, due_at_ms: i64) -> Option<i64> {
        self.state.wakes_until_ms(self.own).map(|until_ms| until_ms.min(due_at_ms))
    }

    /// Decides an event without applying it.
    pub(super) fn record_collision(&mut self, event: &Happening<'_>, number: u64) {
        if let Happening::Event(spec) = event {
            let limit = self.settings.seen_limit;
            self.classes[usize::from(event.is_money())].decide(spec.time_ms, number, limit);
        }
    }

    /// Applies the next one.
    pub(super) fn apply(&mut self, next: &Happening<'_>, number: u64) {
        let time_ms = match next {
            Happening::Event(spec) => spec.time_ms,
            Happening::Timer(_, due_at_ms) => self.wakes_at_ms(*due_at_ms).unwrap_or(self.largest_ms),
            Happening::Signal(sent) => {
                self.origins.insert(shard_of(sent), sent.origin.clone());
                self.emitted.insert(next.time_and_identity());
                self.fold(next, self.largest_ms);
                return;
            }
        };
        self.largest_ms = self.largest_ms.max(time_ms);
        let limit = self.settings.seen_limit;
        if let Happening::Event(spec) = next {
            self.classes[usize::from(next.is_money())].decide(spec.time_ms, number, limit);
        }
        let dedup_windows = [self.settings.activity_dedup_window_ms, self.settings.money_dedup_window_ms];
        for (class, dedup_window_ms) in self.classes.iter_mut().zip(dedup_windows) {
            class.watermark_ms = class.watermark_ms.max(self.largest_ms.saturating_sub(dedup_window_ms));
            class.bound(limit);
        }
        self.fold(next, self.largest_ms);
    }

    /// Changes the state by the domain's own rules; whether a timer did.
    fn fold(&mut self, next: &Happening<'_>, largest_ms: i64) -> bool {
        let Ok(sequence) = SequenceNumber::parse("0") else { return false };
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        let delivery = Delivery {
            shard: &Shard::new("events", "reference"),
            position: &position,
            arrived_at_ms: i64::MAX,
            redriven: false,
        };
        let (state, signals, own) = (&mut self.state, &mut self.signals, self.own);
        let (mut timers, mut woken) = (Vec::new(), false);
        next.with_event(|event| {
            let mut emit = Emit::new(event, &delivery, signals, &mut timers);
            // What cannot be applied changes nothing, here as there.
            match &event.data {
                Data::TimerDue(TimerDue { due_at_ms }) => {
                    let timer = TimerDue { due_at_ms: *due_at_ms };
                    woken = state.wake(timer, largest_ms, own, &mut emit).unwrap_or_default();
                }
                _ => drop(state.apply(event, largest_ms, own, &mut emit)),
            }
        });
        woken
    }
}

impl Class {
    fn decide(&mut self, time_ms: i64, number: u64, limit: usize) {
        self.decided.push((time_ms, number));
        self.bound(limit);
    }

    /// No more than `limit` may be judged by; whole milliseconds go.
    fn bound(&mut self, limit: usize) {
        loop {
            let times =
                || self.decided.iter().map(|(time_ms, _)| *time_ms).filter(|at| *at >= self.watermark_ms);
            match times().min().filter(|_| times().count() > limit) {
                Some(oldest_ms) => self.watermark_ms = oldest_ms + 1,
                None => return,
            }
        }
    }
}
