//! Addresses of a cluster, as typed, turned into base URLs; credentials in them are taken out and never shown.

use elasticsearch::http::Url;
use elasticsearch::http::transport::CloudId;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;

/// A base URL without credentials, and the credentials that stood in it.
pub(super) struct Address {
    /// Where requests go; its path ends with a slash.
    pub(super) url: Url,
    /// User name and password of `https://user:password@host`.
    pub(super) credentials: Option<(String, SecretString)>,
}

impl Address {
    /// The address as shown in messages.
    pub(super) fn shown(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }
}

/// Reads one URL; an error is a whole sentence that holds no credentials.
pub(super) fn parse_url(text: &str) -> Result<Address, String> {
    let shown = redact(text);
    let mut url = Url::parse(text.trim())
        .map_err(|error| format!("`{shown}` is not an address: {error}; expected `https://host:9200`"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("expected an address that begins with `http://` or `https://`, found `{shown}`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("expected an address without `?` and `#`, found `{shown}`"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    let credentials = take_credentials(&mut url, &shown)?;
    Ok(Address { url, credentials })
}

/// Reads the Cloud ID that Elastic's console shows.
pub(super) fn parse_cloud_id(text: &str) -> Result<Address, String> {
    let cloud = CloudId::parse(text.trim()).map_err(|error| {
        format!("`{text}` is not a Cloud ID: {error}; copy it from the deployment's page")
    })?;
    parse_url(cloud.url.as_str())
}

fn take_credentials(url: &mut Url, shown: &str) -> Result<Option<(String, SecretString)>, String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let decode = |part: &str| percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned);
    let (Ok(user), Ok(password)) = (decode(url.username()), decode(url.password().unwrap_or_default()))
    else {
        return Err(format!("the credentials in `{shown}` are not UTF-8 once decoded"));
    };
    if user.is_empty() || password.is_empty() {
        return Err(format!("expected both a user name and a password before the `@` of `{shown}`"));
    }
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| format!("`{shown}` cannot carry credentials"))?;
    Ok(Some((user, SecretString::from(password))))
}

/// Hides whatever may be credentials in a text that is meant to be a URL, well-formed or not.
pub(super) fn redact(text: &str) -> String {
    let Some(at) = text.rfind('@') else { return text.to_owned() };
    let scheme = text.find("://").map_or(0, |colon| colon + 3).min(at);
    format!("{}**REDACTED**{}", &text[..scheme], &text[at..])
}

#[cfg(test)]
mod tests {
    use super::{parse_cloud_id, parse_url, redact};
    use secrecy::ExposeSecret;

    #[test]
    fn takes_credentials_out_and_decodes_them() {
        let address = parse_url("https://el%40stic:p%3Ass%2F@es.example:9243/prefix").expect("a URL");
        assert_eq!(address.url.as_str(), "https://es.example:9243/prefix/");
        assert_eq!(address.shown(), "https://es.example:9243/prefix");
        let (user, password) = address.credentials.expect("credentials");
        assert_eq!((user.as_str(), password.expose_secret()), ("el@stic", "p:ss/"));
    }

    #[test]
    fn refuses_what_is_no_address_without_showing_credentials() {
        let bad = [
            "localhost:9200",
            "ftp://host",
            "https://user:hunter2@",
            "https://user:hunter2@host:99999",
            "https//user:hunter2@host",
            "https://host/?pretty",
            "https://:hunter2@host",
            "https://user@host",
            "",
        ];
        for text in bad {
            let error = parse_url(text).map(|address| address.shown()).expect_err(text);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn redacts_the_whole_of_a_password_that_holds_an_at_sign() {
        assert_eq!(redact("https://u:p@ss@host"), "https://**REDACTED**@host");
        assert_eq!(redact("u:p@host"), "**REDACTED**@host");
        assert_eq!(redact("https://host"), "https://host");
    }

    #[test]
    fn reads_a_cloud_id() {
        // base64 of `eu.example:9243$abc$def`
        let address = parse_cloud_id("mine:ZXUuZXhhbXBsZTo5MjQzJGFiYyRkZWY=").map(|address| address.shown());
        assert_eq!(address.as_deref(), Ok("https://abc.eu.example:9243"));
        for bad in ["", "mine", "mine:%%", "mine:ZXUuZXhhbXBsZTo5MjQz", ":ZXUuZXhhbXBsZQ=="] {
            assert!(parse_cloud_id(bad).is_err(), "{bad}");
        }
    }
}
