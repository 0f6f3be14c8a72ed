//! Where Kibana is: its address with base path and space, without what may be secret in it.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::diagnostic::sanitize;

/// The space of an address that names none.
const DEFAULT_SPACE: &str = "default";

/// The address of a Kibana and of one space in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KibanaAddress {
    /// Without a slash at the end.
    base: String,
    space: Option<String>,
}

impl FromStr for KibanaAddress {
    type Err = String;

    /// Takes `http(s)://host[:port][/base/path][/s/SPACE]`; credentials in it are left out, since links show it.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| "expected Kibana's address, such as `https://kibana.example.com`".to_owned())?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("expected an address without `?` and `#`, found `{}`", shown(&url)));
        }
        let refused = url.set_username("").is_err() || url.set_password(None).is_err();
        if refused {
            return Err("expected an address with a host".to_owned());
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        let space = space_of(url.path());
        if let Some(odd) = space.as_deref().filter(|space| !is_space(space)) {
            let expected = "expected a space's identifier: lower case letters, digits, `-` and `_`";
            return Err(format!("{expected}, found `{}`", sanitize(odd)));
        }
        Ok(Self { base, space })
    }
}

impl KibanaAddress {
    /// The address of a page or an interface: `path` begins with a slash.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The identifier of the space.
    #[must_use]
    pub fn space(&self) -> &str {
        self.space.as_deref().unwrap_or(DEFAULT_SPACE)
    }
}

impl fmt::Display for KibanaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

/// What follows a last `/s/`.
fn space_of(path: &str) -> Option<String> {
    let (before, space) = path.trim_end_matches('/').rsplit_once('/')?;
    (before.ends_with("/s")).then(|| space.to_owned())
}

/// Kibana's own rule for the identifiers of spaces.
fn is_space(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    sanitize(url.as_str())
}

#[cfg(test)]
mod tests {
    use super::KibanaAddress;

    fn address(text: &str) -> Result<KibanaAddress, String> {
        text.parse()
    }

    #[test]
    fn base_path_and_space_are_kept_and_credentials_left_out() {
        for (text, base, space) in [
            ("https://kibana.example.com", "https://kibana.example.com", "default"),
            ("https://kibana.example.com/", "https://kibana.example.com", "default"),
            ("http://u:p@localhost:5601/base/s/team-1/", "http://localhost:5601/base/s/team-1", "team-1"),
            ("https://k/s/a", "https://k/s/a", "a"),
            ("https://k/sales", "https://k/sales", "default"),
        ] {
            let address = address(text).unwrap();
            assert_eq!((address.at("/x"), address.space()), (format!("{base}/x"), space), "{text}");
            assert_eq!(address.to_string(), base);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in ["", "kibana:5601", "ftp://k", "u:secret@k", "https://u:secret@k?x=1", "https://k/#/x"] {
            let refusal = address(text).unwrap_err();
            assert!(refusal.starts_with("expected") && !refusal.contains("secret"), "{text}: {refusal}");
        }
        assert!(address("https://k/s/Team").unwrap_err().contains("`Team`"));
    }
}
