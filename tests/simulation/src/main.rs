//! Runs seeds.
fn main() {
    let mut args = std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    let (from, count) = (args.next().unwrap_or(0), args.next().unwrap_or(1));
    std::panic::set_hook(Box::new(|info| {
        if !info.to_string().contains("poison") {
            eprintln!("{info}")
        }
    }));
    let start = std::time::Instant::now();
    let mut bad = 0;
    for seed in from..from + count {
        let plan = simulation::plan::draw(seed);
        let outcome = simulation::run::run(&plan).unwrap();
        let broken = simulation::judge::judge(&plan, &outcome);
        if !broken.is_empty() {
            bad += 1;
            println!(
                "seed {seed}: {} broken; {}",
                broken.len(),
                broken[0].chars().take(300).collect::<String>()
            );
            if count == 1 {
                let services = outcome.world.services();
                for run in &services.journal.runs {
                    println!(
                        "{} {:?} believed={} cut={:?} n={} first={:?} {:?}",
                        run.process,
                        run.consumer,
                        run.believed,
                        run.tally.cut,
                        run.records.len(),
                        run.records.first(),
                        run.tally
                            .verdicts
                            .iter()
                            .map(|(r, v)| format!("{r}:{}", v.map_or("-", |v| v.name())))
                            .collect::<Vec<_>>()
                            .join(" ")
                    );
                }
                println!("{:?}", plan.moves);
                println!("{:?}", plan.settings);
                for b in &broken {
                    println!("  {b}");
                }
            }
        }
    }
    println!("{count} seeds, {bad} bad, {:.0} seeds/s", count as f64 / start.elapsed().as_secs_f64());
}
