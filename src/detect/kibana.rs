//! A Kibana that is asked: one space of it, signed in.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use thiserror::Error;

use crate::bounded;
use crate::diagnostic::sanitize;
use crate::kibana::{KibanaAddress, Upload};

/// The most bytes of an answer: an import of all that `setup` makes is answered with some kilobytes.
const MAX_ANSWER: u64 = 64 << 20;

/// Why Kibana did not do what it was asked.
#[derive(Debug, Error)]
pub enum KibanaError {
    /// No answer, or half of one.
    #[error("Kibana at `{base}` {what}")]
    Unreachable {
        /// Its address.
        base: String,
        /// What became of the request.
        what: &'static str,
        /// What the connection said.
        source: reqwest::Error,
    },
    /// More than any answer of Kibana's has.
    #[error("Kibana at `{base}` answered with more than {most}")]
    TooLarge {
        /// Its address.
        base: String,
        /// How much is taken, in words.
        most: String,
    },
    /// Another address is the right one.
    #[error("Kibana at `{base}` points elsewhere, to `{location}`: give that address")]
    Elsewhere {
        /// Its address.
        base: String,
        /// Where it points.
        location: String,
    },
    /// It does not show the space.
    #[error("Kibana at `{base}` does not show the space `{space}`: {status}: {reason}")]
    NoSpace {
        /// Its address.
        base: String,
        /// The space.
        space: String,
        /// The status of the answer.
        status: StatusCode,
        /// What Kibana said.
        reason: String,
    },
    /// It refused.
    #[error("Kibana at `{base}` refused {what} with {status}: {reason}")]
    Refused {
        /// Its address.
        base: String,
        /// What was asked of it.
        what: String,
        /// The status of the answer.
        status: StatusCode,
        /// What Kibana said.
        reason: String,
        /// Whether the answer has the form of Kibana's own, and is none of a proxy before it.
        by_kibana: bool,
    },
    /// It is no Kibana, or a newer one.
    #[error("`{base}` answered {what} with something else than expected: is it Kibana's address?")]
    Unexpected {
        /// Its address.
        base: String,
        /// What was asked of it.
        what: String,
    },
}

impl KibanaError {
    /// Whether only this request is refused, and others may well be taken.
    #[must_use]
    pub fn is_about_the_request(&self) -> bool {
        let passing = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::REQUEST_TIMEOUT,
        ];
        matches!(self, Self::Refused { status, .. } if status.is_client_error() && !passing.contains(status))
    }

    /// Whether Kibana may have taken what was asked for, and do it later: nobody has said that it is over.
    #[must_use]
    pub fn may_still_be_done(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !source.is_connect(),
            Self::Refused { status, by_kibana, .. } => status.is_server_error() && !by_kibana,
            _ => false,
        }
    }

    /// Whether what was asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }
}

/// A Kibana, and a space in it.
#[derive(Debug, Clone)]
pub struct KibanaClient {
    address: KibanaAddress,
    http: Client,
    headers: HeaderMap,
}

impl KibanaClient {
    /// The Kibana at `address`; `headers` sign in. `http` must follow no redirect, which would lose what is sent.
    #[must_use]
    pub fn new(address: KibanaAddress, http: Client, mut headers: HeaderMap) -> Self {
        headers.insert("kbn-xsrf", HeaderValue::from_static("true"));
        Self { address, http, headers }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &KibanaAddress {
        &self.address
    }

    /// What is written into a space that is not there would be found by nobody.
    ///
    /// # Errors
    /// No answer, or Kibana does not show the space.
    pub async fn has_space(&self) -> Result<(), KibanaError> {
        let (space, base) = (self.address.space(), self.address.base());
        if space.is_default() {
            return Ok(());
        }
        let (status, text) = self.answer(self.http.get(format!("{base}/api/spaces/space/{space}"))).await?;
        if status.is_success() {
            return Ok(());
        }
        let (base, space, reason) = (base.to_owned(), space.to_string(), reason(&text));
        Err(KibanaError::NoSpace { base, space, status, reason })
    }

    /// Reads `path` in the space; `what` is said of it where it fails.
    ///
    /// # Errors
    /// No answer, a refusal, or something else than JSON.
    pub async fn get(&self, path: &str, what: &str) -> Result<Value, KibanaError> {
        self.json(self.http.request(Method::GET, self.address.at(path)), what).await
    }

    /// Sends `body` to `path` in the space.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, path: &str, body: &Value, what: &str) -> Result<Value, KibanaError> {
        let request = self.http.post(self.address.at(path)).header(CONTENT_TYPE, "application/json");
        self.json(request.body(body.to_string()), what).await
    }

    /// Sends a file to the space.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn upload(&self, upload: Upload, what: &str) -> Result<Value, KibanaError> {
        let request = self.http.post(self.address.at(upload.path)).header(CONTENT_TYPE, upload.content_type);
        self.json(request.body(upload.body), what).await
    }

    async fn json(&self, request: RequestBuilder, what: &str) -> Result<Value, KibanaError> {
        let (status, text) = self.answer(request).await?;
        let (base, what) = (self.address.base().to_owned(), what.to_owned());
        if !status.is_success() {
            let by_kibana = is_by_kibana(status, &text);
            return Err(KibanaError::Refused { base, what, status, reason: reason(&text), by_kibana });
        }
        serde_json::from_str(&text).map_err(|_| KibanaError::Unexpected { base, what })
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, String), KibanaError> {
        let base = || self.address.base().to_owned();
        let failed = |what| {
            move |error: reqwest::Error| KibanaError::Unreachable {
                base: base(),
                what,
                source: error.without_url(),
            }
        };
        let sent = request.headers(self.headers.clone()).send().await;
        let answer = sent.map_err(failed("could not be reached"))?;
        if answer.status().is_redirection() {
            return Err(KibanaError::Elsewhere { base: base(), location: location(&answer) });
        }
        let status = answer.status();
        let mut bytes = Vec::new();
        let mut answer = answer;
        while let Some(chunk) = answer.chunk().await.map_err(failed("broke off its answer"))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > MAX_ANSWER {
                return Err(KibanaError::TooLarge { base: base(), most: bounded::size(MAX_ANSWER) });
            }
        }
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// What Kibana says of a refusal.
fn reason(text: &str) -> String {
    let body: Option<Value> = serde_json::from_str(text).ok();
    sanitize(body.as_ref().and_then(|body| body["message"].as_str()).unwrap_or("no reason given"))
}

/// Kibana's refusals name their status; those of proxies do not.
fn is_by_kibana(status: StatusCode, text: &str) -> bool {
    let body: Option<Value> = serde_json::from_str(text).ok();
    body.is_some_and(|body| body["statusCode"] == status.as_u16())
}

fn location(answer: &Response) -> String {
    let text = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("?");
    Url::parse(text).map_or_else(|_| sanitize(text), without_credentials)
}

fn without_credentials(mut url: Url) -> String {
    // Refused only by addresses that have no room for credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    sanitize(url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_kibana_itself_says_is_over() {
        let own = |status: u16| format!(r#"{{"statusCode":{status},"error":"X","message":"no"}}"#);
        for (status, body, may_still_be_done) in [
            (500, own(500), false),
            (503, own(503), false),
            (400, "no".to_owned(), false),
            (500, "<html>".to_owned(), true),
            (503, r#"{"ok":false,"message":"no"}"#.to_owned(), true),
            (504, own(500), true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let by_kibana = is_by_kibana(status, &body);
            let (base, what, reason) = ("k".to_owned(), "it".to_owned(), reason(&body));
            let refused = KibanaError::Refused { base, what, status, reason, by_kibana };
            assert_eq!(refused.may_still_be_done(), may_still_be_done, "{status} {body}");
        }
    }
}
