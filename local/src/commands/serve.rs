//! `serve`: the endpoints, kept running.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use millrace_lambda::Clock;

use super::pipeline::{Consuming, Fed, finish};
use crate::cli::Serve;
use crate::clock::now_ms;
use crate::error::Error;
use crate::mapping::Functions;
use crate::options::{EVENTS_STREAM, Limits, SIGNALS_STREAM, Tuning};
use crate::output::{Run, claim};
use crate::say::say;
use crate::world::{CREDENTIAL, Clients, REGION, World};

pub(crate) async fn run(options: &Serve) -> Result<(), Error> {
    options.tuning.functions()?;
    let claimed = claim(&options.out, false)?;
    let world = World::start(&options.out, options.tuning.shards, options.ports).await?;
    let functions = Arc::new(match &options.functions_url {
        None => Functions::linked(&options.tuning, &world.clients.endpoints, Clock::wall(), None)?,
        Some(url) => Functions::remote(url),
    });
    let environment = environment(&options.tuning, &world.clients);
    let file = options.out.join("functions.env");
    let lines: String = environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(&file, &lines).map_err(Error::output(&file))?;
    if let Err(error) = print(options, &environment, &file) {
        // Nobody knows of the endpoints, so the run never began.
        let _ = std::fs::remove_file(&file);
        return Err(error);
    }
    claimed.keep();
    let started_ms = now_ms();
    let consuming = Consuming {
        tuning: &options.tuning,
        limits: Limits::default(),
        out: &options.out,
        ending: None,
        total: 0,
    };
    let consume = async {
        match options.no_consumers {
            true => std::future::pending().await,
            false => consuming.run(&world, &functions).await.map(|_| ()),
        }
    };
    tokio::select! {
        stopped = consume => stopped?,
        () = stop_signal() => {}
    }
    let run = Run { settings: &options.tuning, fed: Fed::default(), started_ms, discarded: BTreeMap::new() };
    finish(&world, &functions, &options.out, run).await?;
    say!("stopped; tables, lake and quarantine are in {}", options.out.display())
}

/// Resolves at Ctrl-C, or at SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    // Without a handler the process ends at the signal by itself.
    let _ = interrupt.await;
}

fn environment(tuning: &Tuning, clients: &Clients) -> Vec<(&'static str, String)> {
    let endpoints = &clients.endpoints;
    let mut environment = vec![
        ("AWS_ENDPOINT_URL_KINESIS", endpoints.kinesis.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_FIREHOSE", endpoints.firehose.clone()),
        // Some clients know the one, and some the other: boto3 and version 1 of the AWS CLI the second.
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", CREDENTIAL.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", CREDENTIAL.to_owned()),
    ];
    for (name, value) in tuning.environment() {
        if !environment.iter().any(|(known, _)| *known == name) {
            environment.push((name, value));
        }
    }
    environment
}

fn print(options: &Serve, environment: &[(&str, String)], file: &Path) -> Result<(), Error> {
    say!(
        "Kinesis streams {EVENTS_STREAM:?} and {SIGNALS_STREAM:?}, DynamoDB and Firehose are up. Environment for any SDK client:\n"
    )?;
    for (name, value) in environment {
        say!("export {name}={value}")?;
    }
    say!("\nThe functions under cargo lambda:\n")?;
    say!("cargo lambda watch --invoke-address 127.0.0.1 --env-file {}\n", file.display())?;
    match (&options.functions_url, options.no_consumers) {
        (Some(url), _) => say!("Batches of the stream go to {url}.")?,
        (None, true) => say!("Nothing reads the stream.")?,
        (None, false) => say!("The handlers linked into this program read the stream.")?,
    }
    say!("Ctrl-C stops, and writes tables, lake and quarantine to {}.", options.out.display())?;
    Ok(())
}
