//! Kibana's data view over the alerts, imported as a saved object.

use anyhow::{Context, anyhow, bail};
use base64::prelude::{BASE64_STANDARD, Engine};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::args::ConnectionArgs;
use super::connect;
use crate::alert::AlertIndex;
use crate::diagnostic::sanitize;
use crate::elastic::Auth;

/// Separates the parts of the upload; it never occurs in JSON of ours.
const BOUNDARY: &str = "stakeout-7d1f0c55a2e94b0b";

/// A data view over the alerts alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataView {
    id: String,
    title: String,
}

impl DataView {
    /// The data view over `index`.
    #[must_use]
    pub fn of(index: &AlertIndex) -> Self {
        Self { id: index.alias().to_owned(), title: index.alias().to_owned() }
    }

    /// The saved object as one line, at versions that Kibana 8.19 and 9.x import.
    ///
    /// Form: `index-pattern` saved objects as Kibana exports them since 8.8 (elastic/kibana,
    /// `src/platform/plugins/shared/data_views`).
    #[must_use]
    pub fn ndjson(&self) -> String {
        let object = json!({
            "type": "index-pattern",
            "id": self.id,
            "attributes": {
                "title": self.title,
                "name": format!("Stakeout: {}", self.title),
                "timeFieldName": "@timestamp",
                "allowHidden": false,
                "fields": "[]",
                "fieldAttrs": "{}",
                "fieldFormatMap": "{}",
                "runtimeFieldMap": "{}",
                "sourceFilters": "[]",
            },
            "references": [],
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": "8.0.0",
        });
        format!("{object}\n")
    }

    fn multipart(&self) -> String {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"stakeout.ndjson\"\r\n\
             Content-Type: application/ndjson\r\n\r\n{}\r\n--{BOUNDARY}--\r\n",
            self.ndjson()
        )
    }
}

/// Imports the data view into the Kibana at `url`, over an older one of the same id; says what was done.
///
/// # Errors
/// Kibana cannot be reached, refuses, or reports an object that it did not take.
pub async fn import(url: &str, args: &ConnectionArgs, view: &DataView) -> anyhow::Result<String> {
    let address = format!("{}/api/saved_objects/_import?overwrite=true", url.trim_end_matches('/'));
    let client = client(args)?;
    let answer = client
        .post(&address)
        .headers(headers(&connect::auth(args)?)?)
        .body(view.multipart())
        .send()
        .await
        .map_err(|error| anyhow!(error.without_url()))
        .with_context(|| format!("Kibana at `{}` could not be reached", shown(url)))?;
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    if !status.is_success() {
        let reason = body["message"].as_str().unwrap_or("no reason given");
        bail!("Kibana at `{}` refused the data view with {status}: {}", shown(url), sanitize(reason));
    }
    // Kibana answers 200 for objects that it did not take.
    if body["success"] != true {
        bail!(
            "Kibana at `{}` did not take the data view: {}",
            shown(url),
            sanitize(&body["errors"].to_string())
        );
    }
    let id = body["successResults"][0]["destinationId"].as_str().unwrap_or(&view.id);
    Ok(format!(
        "data view: {}/app/discover#/?_a=(dataSource:(dataViewId:'{id}',type:dataView))",
        shown(url).trim_end_matches('/')
    ))
}

fn client(args: &ConnectionArgs) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder().timeout(std::time::Duration::from_mins(1));
    if let Some(path) = connect::ca_file(args) {
        let pem = std::fs::read(&path).with_context(|| format!("the certificate `{}`", path.display()))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    Ok(builder.build()?)
}

fn headers(auth: &Auth) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert("kbn-xsrf", HeaderValue::from_static("true"));
    headers
        .insert(CONTENT_TYPE, HeaderValue::from_str(&format!("multipart/form-data; boundary={BOUNDARY}"))?);
    if let Some(value) = authorization(auth) {
        let mut value =
            HeaderValue::from_str(&value).context("the credentials hold characters no header can")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn authorization(auth: &Auth) -> Option<String> {
    match auth {
        Auth::None => None,
        Auth::ApiKey(key) if key.expose_secret().contains(':') => {
            Some(format!("ApiKey {}", BASE64_STANDARD.encode(key.expose_secret())))
        }
        Auth::ApiKey(key) => Some(format!("ApiKey {}", key.expose_secret())),
        Auth::Bearer(token) => Some(format!("Bearer {}", token.expose_secret())),
        Auth::Basic { username, password } => Some(format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()))
        )),
    }
}

/// The address without what may be secret in it.
fn shown(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut url) if matches!(url.scheme(), "http" | "https") => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        _ => "(not an address)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DataView, shown};
    use crate::alert::AlertIndex;
    use serde_json::Value;

    #[test]
    fn the_saved_object_has_what_kibana_asks_for() {
        let line = DataView::of(&"a".parse::<AlertIndex>().unwrap()).ndjson();
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["attributes"]["title"], "a");
        assert_eq!(object["attributes"]["timeFieldName"], "@timestamp");
        // Kibana stores these as text that holds JSON.
        for key in ["fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters"] {
            let text = object["attributes"][key].as_str().unwrap();
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{key}");
        }
        assert!(object["references"].as_array().unwrap().is_empty());
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        assert_eq!(shown("https://u:p@kibana:5601/s/x"), "https://kibana:5601/s/x");
        assert_eq!(shown("u:p@kibana"), "(not an address)");
    }
}
