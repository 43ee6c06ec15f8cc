//! The bucket of dead letters: on-failure objects, quarantine objects, and the marks of those that are done; as far as
//! S3's protocol is needed for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use local_faults::Call;
use percent_encoding::percent_decode_str;

use super::names;

/// Most objects of a page: small, so that pages follow one another.
const PAGE_LIMIT: usize = 20;

/// Answers a call of S3.
///
/// # Errors
/// When it could not be answered at all.
pub(super) fn answer(
    objects: &mut BTreeMap<String, Bytes>,
    call: Call,
    request: &HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let (host, path, query) = parts(request.uri());
    let key = decoded(path);
    let (status, body) = match call {
        _ if host.split_once('.').is_none_or(|(bucket, _)| bucket != names::DEAD_LETTERS) => {
            (404, Bytes::from_static(b"<Error><Code>NoSuchBucket</Code></Error>"))
        }
        Call::List => (200, list(objects, query).into()),
        Call::Put => {
            let body = request.body().bytes().ok_or("a body that comes in parts");
            let body = body.map_err(|error| ConnectorError::other(error.into(), None))?;
            objects.insert(key, Bytes::copy_from_slice(body));
            (200, Bytes::new())
        }
        _get => match objects.get(&key) {
            Some(bytes) => (200, bytes.clone()),
            None => (404, Bytes::from_static(b"<Error><Code>NoSuchKey</Code></Error>")),
        },
    };
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let length = body.len().to_string();
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-length", length);
    Ok(response)
}

/// A page of the objects below a prefix and behind a key.
fn list(objects: &BTreeMap<String, Bytes>, query: &str) -> String {
    let fields = query.split('&').filter_map(|field| field.split_once('='));
    let fields: BTreeMap<_, _> = fields.map(|(name, value)| (name, decoded(value))).collect();
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let (prefix, after) = (field("prefix"), field("start-after"));
    let limit = field("max-keys").parse().unwrap_or(PAGE_LIMIT).min(PAGE_LIMIT);
    let mut found = objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
    let mut page = String::new();
    for (key, bytes) in found.by_ref().take(limit) {
        let key = key.replace('&', "&amp;").replace('<', "&lt;");
        // Writing into a text cannot fail.
        let _ = write!(page, "<Contents><Key>{key}</Key><Size>{}</Size></Contents>", bytes.len());
    }
    let more = found.next().is_some();
    format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{page}</ListBucketResult>")
}

/// The host, which begins with the bucket, the path without its slash, and the query.
fn parts(uri: &str) -> (&str, &str, &str) {
    let behind_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (host, resource) = behind_scheme.split_once('/').unwrap_or((behind_scheme, ""));
    let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
    (host, path, query)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(keys: &[&str]) -> BTreeMap<String, Bytes> {
        keys.iter().map(|key| ((*key).to_owned(), Bytes::from_static(b"..."))).collect()
    }

    #[test]
    fn a_page_holds_what_lies_below_the_prefix_and_behind_the_key() {
        let objects = objects(&["a/1", "a/2", "a/3&", "b/1"]);
        let page = list(&objects, "list-type=2&max-keys=1&prefix=a%2F&start-after=a%2F1");
        assert_eq!(
            page,
            "<ListBucketResult><IsTruncated>true</IsTruncated>\
             <Contents><Key>a/2</Key><Size>3</Size></Contents></ListBucketResult>"
        );
        let page = list(&objects, "list-type=2&max-keys=1000&prefix=a%2F&start-after=a%2F2");
        assert!(page.contains("<IsTruncated>false</IsTruncated><Contents><Key>a/3&amp;</Key>"));
    }

    #[test]
    fn a_key_is_the_path_as_it_was_before_it_was_encoded() {
        let (host, path, query) = parts("https://dead-letters.s3.amazonaws.com/a/b%3Dc?x-id=GetObject");
        assert_eq!(host, "dead-letters.s3.amazonaws.com");
        assert_eq!((decoded(path).as_str(), query), ("a/b=c", "x-id=GetObject"));
        assert_eq!(parts("https://host/"), ("host", "", ""));
    }
}
