//! All functions with a state, a meter for each part of what they use up.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fraud::Fraud;
use inventory::{Adapters, Inventory};
use millrace_aws::{DynamoReorderPoints, DynamoStore, DynamoTimers};
use millrace_domain::fraud::FraudState;
use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;
use millrace_lambda::meter::Usage;
use millrace_lambda::signal_stream::SignalStream;
use millrace_lambda::timers::SignalsAndTimers;
use millrace_lambda::{Clock, Deadline, Function, KinesisBatch, Meter};
use millrace_testkit::{BatchBuilder, Journal, MemorySink, MemoryStream};
use sessions::Sessions;

use crate::{store, traffic};

const RECORD_LIMIT_BYTES: usize = 1 << 20;
/// Timers that one run of `close` may take.
const TIMERS_LIMIT: usize = 50_000;

type Signals = SignalStream<MemoryStream>;

/// What was used up, by part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) sessions: Usage,
    pub(crate) timers: Usage,
    pub(crate) close: Usage,
    pub(crate) due: Usage,
    pub(crate) fraud: Usage,
    pub(crate) inventory: Usage,
    pub(crate) stock_signals: u64,
    pub(crate) sessions_closed: u64,
}

/// Lets so many batches pass; gives back what those behind the warm-up used up.
pub(crate) async fn run(batches: u64, warm_up: u64) -> Figures {
    let mut shop = Shop::open().await;
    for number in 0..batches {
        if number % 100 == 0 {
            eprintln!("{number} of {batches} batches");
        }
        if number == warm_up {
            shop.figures = Figures::default();
        }
        shop.live(number).await;
    }
    shop.figures
}

struct Shop {
    sessions: Sessions<DynamoStore<SessionState>, MemorySink, SignalsAndTimers<Signals, DynamoTimers>>,
    fraud: Fraud<DynamoStore<FraudState>, MemorySink, Signals>,
    inventory: Inventory<DynamoStore<StockState>, MemorySink, Signals, DynamoReorderPoints, MemoryStream>,
    due: DynamoTimers,
    now_ms: Arc<AtomicI64>,
    timers_meter: Arc<Meter>,
    close_meter: Arc<Meter>,
    signals: MemoryStream,
    events: MemoryStream,
    delivered: u64,
    figures: Figures,
}

impl Shop {
    async fn open() -> Self {
        let client = store::start().await;
        let now_ms = Arc::new(AtomicI64::new(traffic::end_ms(0)));
        let shared_ms = Arc::clone(&now_ms);
        let clock = Clock::new(move || shared_ms.load(Ordering::Relaxed));
        let (timers_meter, close_meter) = (Arc::new(Meter::default()), Arc::new(Meter::default()));
        let timers = |meter: &Arc<Meter>| {
            DynamoTimers::new(client.clone(), "timers".to_owned(), clock.clone(), Arc::clone(meter))
        };
        let signals = MemoryStream::default();
        let sink = |function| SignalStream::new(signals.clone(), function, RECORD_LIMIT_BYTES);
        let quarantine: MemorySink = MemorySink::noting("quarantine", Journal::default());
        let [sessions, fraud, inventory] = [(); 3].map(|()| Arc::new(Meter::default()));
        let both = SignalsAndTimers { signals: sink("sessions"), timers: timers(&timers_meter) };
        let table = |name: &str| name.to_owned();
        let users = DynamoStore::new(client.clone(), table("sessions"), Arc::clone(&sessions));
        let suspects = DynamoStore::new(client.clone(), table("fraud"), Arc::clone(&fraud));
        let stock = Adapters {
            store: DynamoStore::new(client.clone(), table("stock"), Arc::clone(&inventory)),
            quarantine: quarantine.clone(),
            signals: sink("inventory"),
            points: DynamoReorderPoints::new(client.clone(), table("reorder-points"), Arc::clone(&inventory)),
            stream: signals.clone(),
        };
        let config = sessions::Config::for_testing();
        Self {
            sessions: Sessions::new(&config, (users, quarantine.clone(), both), sessions),
            fraud: Fraud::new(&fraud::Config::for_testing(), suspects, quarantine, sink("fraud"), fraud),
            inventory: Inventory::new(&inventory::Config::for_testing(), stock, inventory),
            due: timers(&close_meter),
            now_ms,
            timers_meter,
            close_meter,
            signals,
            events: MemoryStream::default(),
            delivered: 0,
            figures: Figures::default(),
        }
    }

    /// Lets a batch of users' events pass, and all that follows from it; then `close` runs.
    async fn live(&mut self, number: u64) {
        let events = traffic::events(number);
        let batch = self.next_batch("events", number).events(&events).build();
        self.now_ms.store(traffic::end_ms(number), Ordering::Relaxed);
        let used_up = self.run_sessions(&batch).await;
        self.figures.sessions += used_up;
        self.figures.fraud += used(&self.fraud, &batch).await;
        self.figures.inventory += used(&self.inventory, &batch).await;
        let now_ms = traffic::end_ms(number);
        close::run(&self.due, &self.events, TIMERS_LIMIT, now_ms, Deadline::NONE).await.unwrap();
        self.figures.close += self.close_meter.take();
        let batch = self.next_batch("events", number);
        let due = self.events.drain_into(batch).build();
        let used_up = self.run_sessions(&due).await;
        self.figures.due += used_up;
        let batch = self.next_batch("signals", number);
        let emitted = self.signals.drain_into(batch).build();
        self.figures.inventory += used(&self.inventory, &emitted).await;
    }

    async fn run_sessions(&mut self, batch: &KinesisBatch) -> Usage {
        let report = self.sessions.process(batch, Deadline::NONE).await;
        assert_eq!(report.tally.checkpoint.record(), None);
        for (signal_type, count) in &report.tally.signals {
            match *signal_type {
                "session.closed" => self.figures.sessions_closed += count,
                "stock.sold" | "stock.returned" => self.figures.stock_signals += count,
                _ => {}
            }
        }
        self.figures.timers += self.timers_meter.take();
        report.usage
    }

    fn next_batch(&mut self, stream: &str, number: u64) -> BatchBuilder {
        self.delivered += 100_000;
        let batch = BatchBuilder::starting_at(self.delivered).of_stream(stream);
        batch.arrived_at_ms(traffic::end_ms(number))
    }
}

async fn used(function: &impl Function, batch: &KinesisBatch) -> Usage {
    let report = function.process(batch, Deadline::NONE).await;
    assert_eq!(report.tally.checkpoint.record(), None);
    report.usage
}
