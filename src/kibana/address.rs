//! Where Kibana is: its address with base path and space, without what may be secret in it.

use std::str::FromStr;

use reqwest::Url;

use super::objects::Space;
use crate::diagnostic::sanitize;

/// The address of a Kibana and of one space in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KibanaAddress {
    /// Without the space, and without a slash at the end.
    base: String,
    space: Space,
}

impl FromStr for KibanaAddress {
    type Err = String;

    /// Takes `http(s)://host[:port][/base/path][/s/SPACE]`; credentials in it are left out, since links show it.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| "expected Kibana's address, such as `https://kibana.example.com`".to_owned())?;
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err("expected an address with a host".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "expected an address without `?` and `#`, found `{}`",
                sanitize(url.as_str())
            ));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        let (path, space) =
            path.split_once("/s/").map_or((&*path, None), |(path, space)| (path, Some(space)));
        // A page's address was copied: links below it would lead nowhere, or into another space.
        if path.split('/').any(|part| part == "app") || space.is_some_and(|space| space.contains('/')) {
            return Err(format!(
                "expected an address without `/app` and without anything behind `/s/SPACE`, found `{}`",
                sanitize(url.as_str())
            ));
        }
        let space = space.map(str::parse).transpose()?.unwrap_or_default();
        url.set_path(path);
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), space })
    }
}

impl KibanaAddress {
    /// The same Kibana, and this space in it.
    ///
    /// # Errors
    /// The address names another space.
    pub fn in_space(self, space: Space) -> Result<Self, String> {
        if !self.space.is_default() && self.space != space {
            return Err(format!("two spaces are named: `{}` in Kibana's address, and `{space}`", self.space));
        }
        Ok(Self { space, ..self })
    }

    /// The address of a page or an interface in the space: `path` begins with a slash.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        if self.space.is_default() {
            return format!("{}{path}", self.base);
        }
        format!("{}/s/{}{path}", self.base, self.space)
    }

    /// Its own address, without the space.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.space
    }
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
            ("https://k/apps/s/app", "https://k/apps/s/app", "app"),
        ] {
            let address = address(text).unwrap();
            assert_eq!((address.at("/x"), address.space().as_str()), (format!("{base}/x"), space), "{text}");
        }
    }

    #[test]
    fn the_space_may_be_named_apart() {
        let space = |name: &str| name.parse().unwrap();
        let plain = address("https://k/base").unwrap().in_space(space("team")).unwrap();
        assert_eq!(plain.at("/x"), "https://k/base/s/team/x");
        let named = address("https://k/s/team").unwrap();
        assert_eq!(named.clone().in_space(space("team")), Ok(named.clone()));
        assert!(named.in_space(space("other")).unwrap_err().contains("two spaces"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in [
            "",
            "kibana:5601",
            "ftp://k",
            "u:secret@k",
            "https://u:secret@k?x=1",
            "https://k/#/x",
            "https://u:secret@k/s/soc/app/discover",
            "https://k/app/home",
            "https://k/base/app",
            "https://k/s/soc/x",
        ] {
            let refusal = address(text).unwrap_err();
            assert!(refusal.starts_with("expected") && !refusal.contains("secret"), "{text}: {refusal}");
        }
        assert!(address("https://k/s/Team").unwrap_err().contains("`Team`"));
    }
}
