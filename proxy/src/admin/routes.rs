//! What each path of the admin port answers. Pure: a state, a method and a path in, a response out.

use std::time::SystemTime;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::{AdminState, Readiness};

/// Content type of the Prometheus text format.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

const ALLOWED: &str = "GET, HEAD";

/// One path and what it answers.
struct Route {
    path: &'static str,
    answer: fn(&AdminState) -> Answer,
}

const ROUTES: [Route; 6] = [
    Route { path: "/metrics", answer: metrics },
    Route { path: "/livez", answer: live },
    Route { path: "/healthz", answer: live },
    Route { path: "/readyz", answer: ready },
    Route { path: "/config", answer: config },
    Route { path: "/doctor", answer: doctor },
];

struct Answer {
    status: StatusCode,
    content_type: &'static str,
    text: String,
}

/// The response to a request; to HEAD the same as to GET, of which hyper keeps the body back.
pub(super) fn answer(state: &AdminState, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let Some(route) = ROUTES.iter().find(|route| route.path == path) else {
        return response(unknown_path());
    };
    if method != Method::GET && method != Method::HEAD {
        let text = format!("{path} takes {ALLOWED}\n");
        let mut response = response(Answer::plain(StatusCode::METHOD_NOT_ALLOWED, text));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(ALLOWED));
        return response;
    }
    response((route.answer)(state))
}

fn metrics(state: &AdminState) -> Answer {
    match state.metrics.exposition() {
        Ok(text) => Answer { status: StatusCode::OK, content_type: METRICS_TEXT, text },
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be told");
            Answer::plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
        }
    }
}

/// Who can answer lives.
fn live(_: &AdminState) -> Answer {
    Answer::plain(StatusCode::OK, "ok\n".to_owned())
}

fn ready(state: &AdminState) -> Answer {
    match state.readiness() {
        Readiness::Ready => Answer::plain(StatusCode::OK, "ready\n".to_owned()),
        Readiness::NotReady(reason) => {
            Answer::plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n"))
        }
        Readiness::Draining => {
            Answer::plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n".to_owned())
        }
    }
}

fn config(state: &AdminState) -> Answer {
    Answer::plain(StatusCode::OK, state.config().to_toml_redacted())
}

/// What a plain cluster would not have run.
fn doctor(state: &AdminState) -> Answer {
    Answer::plain(StatusCode::OK, state.doctor.page(&state.config(), SystemTime::now()))
}

fn unknown_path() -> Answer {
    let paths = ROUTES.map(|route| route.path).join(", ");
    Answer::plain(StatusCode::NOT_FOUND, format!("nothing here; there are {paths}\n"))
}

impl Answer {
    fn plain(status: StatusCode, text: String) -> Answer {
        Answer { status, content_type: PLAIN_TEXT, text }
    }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.text)));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
