//! What follows a failure, until the records are done or discarded.

use event_source_mapping::{Action, Completion, Condition, Outcome, Settings, UnknownToken};

use crate::harness::{
    SUCCESS, discarded, done_through, failure_record, failures, invocation, numbers, push, run,
    sequence_number, settings, shard,
};

// [L-BIF]: the lowest sequence number is the checkpoint, and everything from there is retried.
#[test]
fn lowest_identifier_moves_the_checkpoint_and_the_rest_is_retried() {
    let mut shard = shard(settings());
    push(&mut shard, 1..=5, 0);
    let response = failures(&[5, 3]);
    let completion = run(&mut shard, 0, &[1, 2, 3, 4, 5], Outcome::Returned(&response));
    assert_eq!(completion, Completion { succeeded: 2, retried: 3, discarded: 0 });
    assert_eq!(done_through(&shard), Some(2));
    run(&mut shard, 1, &[3, 4, 5], SUCCESS);
    assert_eq!(done_through(&shard), Some(5));
}

// [L-BIF]: an identifier that is not in the batch fails all of it.
#[test]
fn unknown_and_empty_identifiers_retry_the_whole_batch() {
    let mut shard = shard(settings());
    push(&mut shard, 1..=2, 0);
    let unknown = failures(&[9]);
    run(&mut shard, 0, &[1, 2], Outcome::Returned(&unknown));
    run(&mut shard, 1, &[1, 2], Outcome::Returned(br#"{"batchItemFailures":[{"itemIdentifier":""}]}"#));
    assert_eq!(done_through(&shard), None);
    run(&mut shard, 2, &[1, 2], SUCCESS);
}

// [L-BIF]: responses are not processed unless the feature is turned on.
#[test]
fn response_is_ignored_when_it_is_not_enabled() {
    let mut shard = shard(Settings { report_batch_item_failures: false, ..settings() });
    push(&mut shard, 1..=2, 0);
    let response = failures(&[1]);
    let completion = run(&mut shard, 0, &[1, 2], Outcome::Returned(&response));
    assert_eq!(completion, Completion { succeeded: 2, ..Completion::default() });
    assert_eq!(done_through(&shard), Some(2));
}

// [LS-SNAP]: of 3, 4 and 5 only 5 fails, with three retries: moving the checkpoint does not reset the count.
#[test]
fn attempts_are_shared_by_partial_progress() {
    let mut shard = shard(Settings { maximum_retry_attempts: Some(3), ..settings() });
    push(&mut shard, 3..=5, 0);
    let response = failures(&[5]);
    run(&mut shard, 0, &[3, 4, 5], Outcome::Returned(&response));
    run(&mut shard, 1, &[5], Outcome::Returned(&response));
    run(&mut shard, 2, &[5], Outcome::Returned(&response));
    let completion = run(&mut shard, 3, &[5], Outcome::Returned(&response));
    assert_eq!(completion, Completion { discarded: 1, ..Completion::default() });
    assert_eq!(done_through(&shard), Some(4));

    let (_, body) = failure_record(&discarded(&mut shard, 3), 3);
    assert_eq!(body["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(body["requestContext"]["approximateInvokeCount"], 4);
    assert_eq!(body["responseContext"]["statusCode"], 200);
    assert!(body["responseContext"]["functionError"].is_null());
    assert_eq!(body["KinesisBatchInfo"]["batchSize"], 1);
    assert_eq!(body["KinesisBatchInfo"]["startSequenceNumber"], sequence_number(5));
    assert_eq!(body["KinesisBatchInfo"]["endSequenceNumber"], sequence_number(5));
    assert_eq!(done_through(&shard), Some(5));
    assert!(matches!(shard.poll(3), Action::WaitForRecords));
}

// Without bisecting, healthy records behind the reported one go with it; the lane goes on.
#[test]
fn exhausted_budget_discards_the_rest_of_the_batch_and_goes_on() {
    let mut shard = shard(Settings { batch_size: 3, maximum_retry_attempts: Some(0), ..settings() });
    push(&mut shard, 1..=4, 0);
    let response = failures(&[2]);
    let completion = run(&mut shard, 0, &[1, 2, 3], Outcome::Returned(&response));
    assert_eq!(completion, Completion { succeeded: 1, retried: 0, discarded: 2 });
    assert_eq!(numbers(&discarded(&mut shard, 0).records), [2, 3]);
    run(&mut shard, 0, &[4], SUCCESS);
    assert_eq!(done_through(&shard), Some(4));
}

// [L-OF]: MaximumRetryAttempts counts retries, so the function runs once more than that.
#[test]
fn function_error_uses_up_the_budget() {
    let mut shard = shard(Settings { maximum_retry_attempts: Some(2), ..settings() });
    push(&mut shard, 1..=2, 0);
    for attempt in 1..=3 {
        let invocation = invocation(&mut shard, attempt);
        assert_eq!(u64::from(invocation.attempt), attempt);
        shard.complete(invocation.token, Outcome::FunctionError, attempt).unwrap();
    }
    let discard = discarded(&mut shard, 3);
    assert_eq!(discard.condition, Condition::RetryAttemptsExhausted);
    assert_eq!(discard.approximate_invoke_count(), 3);
    let (_, body) = failure_record(&discard, 3);
    assert_eq!(body["responseContext"]["functionError"], "Unhandled");
}

#[test]
fn next_batch_has_a_budget_of_its_own() {
    let mut shard = shard(Settings { batch_size: 1, maximum_retry_attempts: Some(1), ..settings() });
    push(&mut shard, 1..=2, 0);
    run(&mut shard, 0, &[1], Outcome::FunctionError);
    run(&mut shard, 1, &[1], SUCCESS);
    run(&mut shard, 1, &[2], Outcome::FunctionError);
    run(&mut shard, 2, &[2], SUCCESS);
}

// [L-OF]: before invocation, retries do not count.
#[test]
fn not_invoked_does_not_use_the_budget() {
    let mut shard = shard(Settings { maximum_retry_attempts: Some(0), ..settings() });
    push(&mut shard, 1..=1, 0);
    for now_ms in 0..50 {
        let invocation = invocation(&mut shard, now_ms);
        assert_eq!(invocation.attempt, 1);
        let completion = shard.complete(invocation.token, Outcome::NotInvoked, now_ms).unwrap();
        assert_eq!(completion, Completion { retried: 1, ..Completion::default() });
    }
    run(&mut shard, 50, &[1], SUCCESS);
}

// [L-BIF]: "bisected at the returned sequence number and Lambda retries only the remaining records".
#[test]
fn bisect_with_partial_response_splits_at_the_returned_number() {
    let bisect = Settings { bisect_batch_on_function_error: true, ..settings() };
    let mut shard = shard(Settings { maximum_retry_attempts: Some(0), ..bisect });
    push(&mut shard, 1..=4, 0);
    let third = failures(&[3]);
    run(&mut shard, 0, &[1, 2, 3, 4], Outcome::Returned(&third));
    assert_eq!(done_through(&shard), Some(2));
    // The split was free; a report of the first record splits nothing and counts.
    let completion = run(&mut shard, 1, &[3, 4], Outcome::Returned(&third));
    assert_eq!(completion, Completion { discarded: 2, ..Completion::default() });
}

// [L-BIF]: halved whatever ReportBatchItemFailures says; [L-OF]: splitting does not use up the retry quota.
#[test]
fn bisect_on_function_error_halves_and_sends_the_first_half_first() {
    let bisect = Settings { bisect_batch_on_function_error: true, ..settings() };
    let mut shard = shard(Settings { maximum_retry_attempts: Some(1), ..bisect });
    push(&mut shard, 1..=4, 0);
    run(&mut shard, 0, &[1, 2, 3, 4], Outcome::FunctionError);
    run(&mut shard, 1, &[1, 2], Outcome::FunctionError);
    run(&mut shard, 2, &[1], SUCCESS);
    assert_eq!(done_through(&shard), Some(1));
    run(&mut shard, 2, &[2], Outcome::FunctionError);
    run(&mut shard, 3, &[2], Outcome::FunctionError);
    let discard = discarded(&mut shard, 3);
    assert_eq!(numbers(&discard.records), [2]);
    assert_eq!(discard.approximate_invoke_count(), 4);
    run(&mut shard, 3, &[3, 4], SUCCESS);
    assert_eq!(done_through(&shard), Some(4));
}

#[test]
fn new_records_wait_behind_both_halves() {
    let mut shard = shard(Settings { bisect_batch_on_function_error: true, ..settings() });
    push(&mut shard, 1..=3, 0);
    run(&mut shard, 0, &[1, 2, 3], Outcome::FunctionError);
    push(&mut shard, 4..=4, 0);
    run(&mut shard, 1, &[1], SUCCESS);
    run(&mut shard, 1, &[2, 3], SUCCESS);
    run(&mut shard, 1, &[4], SUCCESS);
}

#[test]
fn backoff_grows_with_failures_in_a_row_and_ends_with_success() {
    let backoff = Settings { backoff_initial_ms: 100, backoff_max_ms: 300, ..settings() };
    let mut shard = shard(Settings { batch_size: 1, ..backoff });
    push(&mut shard, 1..=2, 0);
    let mut now_ms = 0;
    for (outcome, pause_ms) in
        [(Outcome::FunctionError, 100), (Outcome::NotInvoked, 200), (Outcome::FunctionError, 300)]
    {
        run(&mut shard, now_ms, &[1], outcome);
        let retry_at_ms = now_ms + pause_ms;
        assert!(matches!(shard.poll(retry_at_ms - 1), Action::WaitUntil(time_ms) if time_ms == retry_at_ms));
        now_ms = retry_at_ms;
    }
    run(&mut shard, now_ms, &[1], SUCCESS);
    run(&mut shard, now_ms, &[2], Outcome::FunctionError);
    assert!(matches!(shard.poll(now_ms), Action::WaitUntil(time_ms) if time_ms == now_ms + 100));
}

#[test]
fn backoff_starts_over_after_partial_progress_and_after_a_discard() {
    let backoff = Settings { backoff_initial_ms: 100, backoff_max_ms: 800, ..settings() };
    let mut shard = shard(Settings { batch_size: 2, maximum_retry_attempts: Some(2), ..backoff });
    push(&mut shard, 1..=4, 0);
    run(&mut shard, 0, &[1, 2], Outcome::FunctionError);
    let second = failures(&[2]);
    run(&mut shard, 100, &[1, 2], Outcome::Returned(&second));
    assert!(matches!(shard.poll(100), Action::WaitUntil(200)));
    run(&mut shard, 200, &[2], Outcome::Returned(&second));
    assert_eq!(numbers(&discarded(&mut shard, 200).records), [2]);
    run(&mut shard, 200, &[3, 4], Outcome::FunctionError);
    assert!(matches!(shard.poll(200), Action::WaitUntil(300)));
}

#[test]
fn records_that_arrive_during_a_pause_share_the_next_batch() {
    let mut shard = shard(settings());
    push(&mut shard, 1..=1, 0);
    run(&mut shard, 0, &[1], Outcome::FunctionError);
    for number in 2..=3 {
        push(&mut shard, [number], 0);
        assert!(matches!(shard.poll(0), Action::WaitUntil(1)));
    }
    run(&mut shard, 1, &[1], SUCCESS);
    run(&mut shard, 1, &[2, 3], SUCCESS);
}

#[test]
fn token_of_a_completed_or_abandoned_invocation_is_refused() {
    let mut shard = shard(settings());
    push(&mut shard, 1..=1, 0);
    let lost = invocation(&mut shard, 0);
    shard.abandon(lost.token).unwrap();
    let again = invocation(&mut shard, 0);
    assert_eq!(numbers(&again.records), [1]);
    assert_eq!(again.attempt, 1);

    let error = shard.complete(lost.token, SUCCESS, 0).unwrap_err();
    let shard_id = shard.shard_id().clone();
    assert_eq!(error, UnknownToken { shard_id, token: lost.token });
    assert_eq!(shard.buffered(), 1);

    shard.complete(again.token, SUCCESS, 0).unwrap();
    assert!(shard.complete(again.token, SUCCESS, 0).is_err());
    assert!(shard.abandon(again.token).is_err());
}
