//! One run: objects in order, and a mark for each that is done.

use std::collections::BTreeSet;

use millrace_lambda::Deadline;
use millrace_lambda::objects::{Listed, Object, Objects};
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};

use crate::answer::{Answer, Counts, ObjectResult, Status};
use crate::burst::{OBJECT_LIMIT_BYTES, in_order};
use crate::config::Config;
use crate::dead_letters::{Contents, Joiner, read_on_failure, read_quarantine};
use crate::listing::{Listing, mark_of};
use crate::redrive_envelopes::wrap;
use crate::request::{DeadLetters, Mode, Request};

/// Brings back what the request asks for, as far as the deadline allows, and says what came of it.
///
/// Running it twice, or while the stream flows, changes nothing twice: a redrive envelope's bytes depend on its record
/// alone, and the ledger of its key knows what was applied. Objects are done one after another in the order in which
/// they were written, so the records of a key keep theirs; the first that the stream does not accept ends the run,
/// and so does the first object that cannot be read now. What never can be read is stepped over.
pub async fn run<O: Objects, R: RecordStream>(
    objects: &O,
    stream: &R,
    config: &Config,
    request: &Request,
    deadline: Deadline,
) -> Answer {
    let answer = Answer::to(request);
    let mut run =
        Run { objects, stream, config, request, deadline, answer, joiner: Joiner::default(), group: vec![] };
    run.go().await;
    run.joiner.close_all().into_iter().for_each(|object| run.incomplete(object));
    run.finish_group().await;
    run.answer
}

struct Run<'r, O, R> {
    objects: &'r O,
    stream: &'r R,
    config: &'r Config,
    request: &'r Request,
    deadline: Deadline,
    answer: Answer,
    joiner: Joiner,
    /// Objects that were read and have no result yet, because entries of theirs may go on in the next.
    group: Vec<Reading>,
}

/// An object on its way.
struct Reading {
    number: usize,
    listed: Listed,
    counts: Counts,
    why: Option<String>,
    /// Other objects that hold parts of the same entries.
    shared_with: BTreeSet<usize>,
}

impl<O: Objects, R: RecordStream> Run<'_, O, R> {
    async fn go(&mut self) {
        // A list reads nothing, so it knows no order but that of the keys.
        let in_bursts =
            self.request.dead_letters == DeadLetters::OnFailure && self.request.mode != Mode::List;
        let mut listing =
            Listing::new(self.objects, &self.request.prefix, self.request.start_after.clone(), in_bursts);
        let mut taken = 0;
        loop {
            let burst = match listing.next_burst(self.deadline).await {
                Ok(burst) => burst,
                Err(error) => {
                    self.answer.error = format!("the objects could not be listed: {error}");
                    break;
                }
            };
            let Some(last) = burst.last().map(|(listed, _)| listed.key.clone()) else {
                self.answer.complete = true;
                self.answer.next_start_after = None;
                return;
            };
            if taken >= self.request.limit && !self.joiner.is_waiting() {
                burst.into_iter().for_each(|object| self.leave(object));
            } else {
                self.take_burst(burst, &mut taken).await;
                // What stopped within a burst or an entry begins it again: it is put in order as a whole.
                if self.answer.error.is_empty() && !self.joiner.is_waiting() {
                    self.answer.next_start_after = Some(last);
                }
            }
            if !self.answer.error.is_empty() || (taken >= self.request.limit && self.answer.remaining > 0) {
                break;
            }
        }
        listing.into_ahead().for_each(|object| self.leave(object));
    }

    /// Counts what is not come to; a list names what is done, too.
    fn leave(&mut self, (_, is_done): (Listed, bool)) {
        let is_wanted = !is_done || self.request.include_done || self.request.mode == Mode::List;
        self.answer.remaining += u64::from(is_wanted);
    }

    /// Takes objects that belong together, whatever the limit: in another run they could not be put in order.
    async fn take_burst(&mut self, burst: Vec<(Listed, bool)>, taken: &mut usize) {
        let burst = match in_order(self.objects, &burst, self.request.include_done, self.deadline).await {
            Ok(ordered) => ordered,
            Err(error) => {
                self.answer.error =
                    format!("objects of one second could not be read for their order: {error}");
                burst
            }
        };
        for (listed, is_done) in burst {
            if !self.answer.error.is_empty() {
                self.leave((listed, is_done));
            } else if self.request.mode == Mode::List {
                *taken += 1;
                self.list(listed, is_done);
            } else if is_done && !self.request.include_done {
                self.answer.done_before += 1;
            } else if self.is_near_deadline() {
                self.leave((listed, is_done));
            } else {
                *taken += 1;
                self.take(*taken, listed).await;
            }
        }
    }

    /// Whether nothing more may begin; says so in the answer.
    fn is_near_deadline(&mut self) -> bool {
        let is_near = self.deadline.is_near();
        if is_near {
            self.answer.error = "the invocation's deadline is near".to_owned();
        }
        is_near
    }

    fn list(&mut self, listed: Listed, is_done: bool) {
        self.answer.done_before += u64::from(is_done);
        let status = if is_done { Status::Done } else { Status::Unmarked };
        let (counts, error) = (Counts::default(), String::new());
        self.answer.push(ObjectResult { key: listed.key, status, size_bytes: listed.bytes, counts, error });
    }

    /// Reads one object and sends its records.
    async fn take(&mut self, number: usize, listed: Listed) {
        let contents = self.read(number, &listed.key).await;
        self.joiner.close(number).into_iter().for_each(|object| self.incomplete(object));
        let mut counts = Counts { not_needed: contents.not_needed, ..Counts::default() };
        let redrive_envelopes =
            wrap(contents.records, self.request, self.config.record_limit_bytes, &mut counts);
        let mut why = contents.problem.or(redrive_envelopes.problem);
        if self.request.mode == Mode::Run {
            why = self.send(&redrive_envelopes.records, &mut counts).await.or(why);
        }
        let shared_with = contents.shared_with.into_iter().collect();
        self.group.push(Reading { number, listed, counts, why, shared_with });
        if !self.joiner.is_waiting() {
            self.finish_group().await;
        }
    }

    async fn read(&mut self, number: usize, key: &str) -> Contents {
        let unusable = |why: String| Contents { problem: Some(why), ..Contents::default() };
        let bytes = match self.objects.get(key, OBJECT_LIMIT_BYTES, self.deadline).await {
            Ok(Object::Whole(bytes)) => bytes,
            Ok(Object::Absent) => return unusable("is gone since it was listed".to_owned()),
            Ok(Object::TooLarge) => return unusable(format!("has more than {OBJECT_LIMIT_BYTES} bytes")),
            Err(error) => {
                // It may be read another time; objects behind it may hold later records of the same keys.
                self.answer.error = "an object could not be read".to_owned();
                return unusable(format!("could not be read: {error}"));
            }
        };
        match self.request.dead_letters {
            DeadLetters::OnFailure => read_on_failure(&bytes, self.config),
            DeadLetters::Quarantine => read_quarantine(number, &bytes, &mut self.joiner),
        }
    }

    /// Puts an object's redrive envelopes; why not all were accepted, where some were not.
    async fn send(&mut self, records: &[OutgoingRecord], counts: &mut Counts) -> Option<String> {
        if records.is_empty() {
            return None;
        }
        let (mut rejected, mut waits) = (None, None);
        for put in self.stream.put(records, self.deadline).await {
            match put {
                Put::Accepted => counts.sent += 1,
                Put::Rejected(why) => rejected = rejected.or(Some(why)),
                Put::NotAccepted(why) => waits = waits.or(Some(why)),
            }
        }
        if rejected.is_some() || waits.is_some() {
            // Objects behind this one may hold later records of the same keys. What is rejected may be taken once the
            // stream is set up for it; whoever knows better goes on with a request with this key as `start_after`.
            self.answer.error = "the stream did not accept all records of an object".to_owned();
        }
        let rejected = rejected.map(|why| format!("the stream rejects a record: {why}"));
        rejected.or_else(|| waits.map(|why| format!("the stream did not accept a record: {why}")))
    }

    fn incomplete(&mut self, number: usize) {
        if let Some(reading) = self.group.iter_mut().find(|reading| reading.number == number) {
            let why = "holds parts of an entry whose other parts are missing; where they lie in an object that is \
                marked done, or behind the limit, a request with `include_done` or a larger limit finds them";
            reading.why.get_or_insert_with(|| why.to_owned());
        }
    }

    /// Marks what is done. Objects that share an entry are done together or not at all: whichever is read again
    /// needs the parts in the others.
    async fn finish_group(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        while let Some((index, key)) = next_held_back(&group) {
            let why = format!("shares an entry with {key}, which is not done");
            group.get_mut(index).into_iter().for_each(|reading| reading.why = Some(why.clone()));
        }
        for mut reading in group {
            if reading.why.is_none() && self.request.mode == Mode::Run {
                reading.why = self.mark(&reading).await.err();
            }
            let status = match (&reading.why, self.request.mode) {
                (Some(_), _) => Status::NotDone,
                (None, Mode::Run) => Status::Done,
                (None, Mode::DryRun | Mode::List) => Status::Ready,
            };
            let Listed { key, bytes: size_bytes } = reading.listed;
            let error = reading.why.unwrap_or_default();
            self.answer.push(ObjectResult { key, status, size_bytes, counts: reading.counts, error });
        }
    }

    /// Writes the mark, once the stream has every record of the object. A crash before it sends them again, and they
    /// change nothing again.
    async fn mark(&self, reading: &Reading) -> Result<(), String> {
        let summary = serde_json::to_vec(&reading.counts).map_err(|error| error.to_string())?;
        let put = self.objects.put(&mark_of(&reading.listed.key), summary.into(), self.deadline).await;
        put.map_err(|error| format!("all records were sent, but the mark could not be written: {error}"))
    }
}

/// The next object of a group that nothing stands in the way of but another one, with that one's key.
fn next_held_back(group: &[Reading]) -> Option<(usize, String)> {
    let share = |one: &Reading, other: &Reading| {
        one.shared_with.contains(&other.number) || other.shared_with.contains(&one.number)
    };
    group.iter().enumerate().filter(|(_, reading)| reading.why.is_none()).find_map(|(index, reading)| {
        let other = group.iter().find(|other| other.why.is_some() && share(reading, other))?;
        Some((index, other.listed.key.clone()))
    })
}
