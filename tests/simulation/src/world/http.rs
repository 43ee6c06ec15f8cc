//! The model services behind the SDK's own HTTP client.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_faults::{Call, process_id};
use serde_json::{Value, json};

use super::partiql::table_of;
use super::{PutError, Services, Table, World, bucket, names};

/// An HTTP client that opens no connection: the model answers.
#[derive(Clone)]
pub struct ModelHttp(Arc<World>);

impl ModelHttp {
    /// A client of this world.
    pub fn new(world: Arc<World>) -> Self {
        Self(world)
    }
}

impl fmt::Debug for ModelHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelHttp")
    }
}

impl HttpClient for ModelHttp {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ModelHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let world = Arc::clone(&self.0);
        // The effect belongs to the moment at which the request is sent, not to the one at which it is made.
        HttpConnectorFuture::new(async move { answer(&world, &request) })
    }
}

fn answer(world: &World, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
    if let Some(call) = Call::of(request).filter(|call| call.is_of_objects()) {
        return bucket::answer(&mut world.services().objects, call, request);
    }
    let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
    let body = request.body().bytes().unwrap_or_default();
    let body: Value =
        serde_json::from_slice(body).map_err(|error| ConnectorError::other(error.into(), None))?;
    let (status, answer) = match serve(world, &target, &body) {
        Ok(answer) => (200, answer),
        Err(code) => (400, json!({"__type": code, "message": "refused by the model"})),
    };
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(answer.to_string())))
}

fn serve(world: &World, target: &str, body: &Value) -> Result<Value, &'static str> {
    let now_ms = world.elapsed_ms();
    let mut services = world.services();
    let operation = target.split_once('.').map_or("", |(_, operation)| operation);
    match operation {
        "BatchGetItem" => Ok(table(&mut services, first_table(body))?.batch_get(body, now_ms)),
        "BatchExecuteStatement" => {
            let name = body["Statements"][0]["Statement"].as_str().and_then(table_of);
            table(&mut services, name)?.batch_execute(body, process_id(), now_ms)
        }
        "Scan" => Ok(table(&mut services, body["TableName"].as_str())?.scan(body, now_ms)),
        "BatchWriteItem" => services.timers.batch_write(names::TIMERS, body),
        "Query" => Ok(services.timers.query(body)),
        "GetItem" => Ok(services.timers.get(body)),
        "PutItem" => services.timers.put(body),
        "PutRecordBatch" => put_lines(&mut services, body),
        "PutRecords" => put_records(&mut services, body, world.now_ms().unsigned_abs()),
        _ => Err("UnknownOperationException"),
    }
}

fn table<'s>(services: &'s mut Services, name: Option<&str>) -> Result<&'s mut Table, &'static str> {
    name.and_then(|name| services.tables.get_mut(name)).ok_or("ResourceNotFoundException")
}

fn first_table(body: &Value) -> Option<&str> {
    body["RequestItems"].as_object()?.keys().next().map(String::as_str)
}

/// What the quarantine accepts is an object at once.
fn put_lines(services: &mut Services, body: &Value) -> Result<Value, &'static str> {
    let before = services.firehose.accepted.len();
    let answer = services.firehose.put(body, process_id())?;
    for (index, accepted) in services.firehose.accepted.iter().enumerate().skip(before) {
        if accepted.stream == names::QUARANTINE {
            services.objects.insert(format!("quarantine/{index:08}.jsonl"), accepted.data.clone());
        }
    }
    Ok(answer)
}

fn put_records(services: &mut Services, body: &Value, now_ms: u64) -> Result<Value, &'static str> {
    let name = body["StreamName"].as_str().unwrap_or_default();
    let stream = services.stream_mut(name).ok_or("ResourceNotFoundException")?;
    let mut failed = 0;
    let mut put = |record: &Value| {
        let key = record["PartitionKey"].as_str().unwrap_or_default();
        let data = STANDARD.decode(record["Data"].as_str().unwrap_or_default()).unwrap_or_default();
        match stream.put(key, key, data.into(), now_ms) {
            Ok(id) => json!({"SequenceNumber": id.to_string(), "ShardId": "of no interest"}),
            Err(PutError) => {
                failed += 1;
                json!({"ErrorCode": "InternalFailure", "ErrorMessage": "too large"})
            }
        }
    };
    let records = body["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    let records: Vec<Value> = records.iter().map(&mut put).collect();
    Ok(json!({"FailedRecordCount": failed, "Records": records}))
}
