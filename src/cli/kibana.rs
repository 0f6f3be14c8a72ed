//! Kibana as the command line names it, and its saved objects, imported over older ones of the same ids.

use std::time::Duration;

use anyhow::{Context, anyhow};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Url};
use secrecy::ExposeSecret;

use super::args::ConnectionArgs;
use super::connect;
use crate::alert::AlertIndex;
use crate::bounded;
use crate::detect::KibanaClient;
use crate::elastic::{Auth, MAX_PEM};
use crate::kibana::{KibanaAddress, Names, SavedObjects, Space};

/// What stays as it is in an id that becomes part of an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Longest time that one request to Kibana may take.
const LONGEST_REQUEST: Duration = Duration::from_mins(1);

/// A Kibana, the space in it that gets the objects, and what its address holds to sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is, without credentials.
    pub kibana: KibanaAddress,
    /// The address as it was given.
    given: Url,
}

impl Target {
    /// The Kibana at `url`, whose path may end in `/s/SPACE`, or the space that is named apart.
    ///
    /// # Errors
    /// It is no address, or two spaces are named.
    pub fn new(url: &str, space: Option<Space>) -> anyhow::Result<Self> {
        let kibana: KibanaAddress = url.parse().map_err(anyhow::Error::msg)?;
        let kibana = match space {
            Some(space) => kibana.in_space(space).map_err(anyhow::Error::msg)?,
            None => kibana,
        };
        Ok(Self { kibana, given: Url::parse(url.trim())? })
    }

    /// The Kibana that is named, if one is; what is empty counts as not given.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn named(url: Option<&str>, space: Option<&str>) -> anyhow::Result<Option<Self>> {
        let Some(url) = connect::given(url) else { return Ok(None) };
        Self::new(url, named_space(space)?).map(Some)
    }
}

/// The space that is named apart from the address, if one is.
///
/// # Errors
/// No space can have that name.
pub fn named_space(space: Option<&str>) -> anyhow::Result<Option<Space>> {
    connect::given(space).map(|space| space.parse().map_err(anyhow::Error::msg)).transpose()
}

/// The Kibana of `target`, signed in to as to Elasticsearch, or with what its address holds.
///
/// # Errors
/// The certificate or the credentials cannot be used.
pub fn connect(target: &Target, args: &ConnectionArgs) -> anyhow::Result<KibanaClient> {
    let headers = headers(target, &connect::auth(args)?)?;
    Ok(KibanaClient::new(target.kibana.clone(), client(args)?, headers))
}

/// Imports the objects over `index`; says where they are.
///
/// # Errors
/// Kibana cannot be reached, refuses, has no such space, or does not take an object.
pub async fn import(target: &Target, args: &ConnectionArgs, index: &AlertIndex) -> anyhow::Result<String> {
    let objects = SavedObjects::new(target.kibana.space(), index.alias());
    let kibana = connect(target, args)?;
    kibana.has_space().await?;
    let answer = kibana.upload(objects.upload(), "the objects").await?;
    // Kibana answers 200 for objects that it did not take.
    let names = objects.imported(&answer).map_err(|problems| {
        anyhow!("Kibana at `{}` did not take everything: {problems}", target.kibana.base())
    })?;
    Ok(places(target, &names))
}

/// Where a person finds the objects.
fn places(target: &Target, names: &Names) -> String {
    let id = |id: &str| utf8_percent_encode(id, PLAIN).to_string();
    format!(
        "data view: {}\nsaved search: {}\ndashboard: {}",
        target.kibana.data_view(&names.data_view),
        target.kibana.at(&format!("/app/discover#/view/{}", id(&names.search))),
        target.kibana.at(&format!("/app/dashboards#/view/{}", id(&names.dashboard))),
    )
}

fn client(args: &ConnectionArgs) -> anyhow::Result<Client> {
    // A redirected upload would become a request for a page.
    let timeout = args.request_timeout.min(LONGEST_REQUEST);
    let mut builder = Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none());
    if let Some(path) = connect::ca_file(args) {
        let pem =
            bounded::read(&path, MAX_PEM).with_context(|| format!("the certificate `{}`", path.display()))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if let Some(files) = connect::client_files(args)? {
        let pem = files.pem().map_err(anyhow::Error::msg)?;
        builder =
            builder.identity(reqwest::Identity::from_pem(&pem).context("the client certificate or its key")?);
    }
    if let Some(proxy) = connect::proxy(args)? {
        builder = builder
            .proxy(reqwest::Proxy::all(proxy.expose_secret()).map_err(|error| anyhow!(error.without_url()))?);
    }
    Ok(builder.build()?)
}

fn headers(target: &Target, auth: &Auth) -> anyhow::Result<HeaderMap> {
    let auth = if matches!(auth, Auth::None) { &in_address(&target.given) } else { auth };
    let value = auth.header().map_err(anyhow::Error::msg)?;
    Ok(value.into_iter().map(|value| (AUTHORIZATION, value)).collect())
}

/// What the address holds to sign in with, where nothing else is given.
fn in_address(address: &Url) -> Auth {
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    match address.password() {
        Some(password) => {
            Auth::Basic { username: plain(address.username()), password: plain(password).into() }
        }
        None => Auth::None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, in_address, places};
    use crate::kibana::{SavedObjects, Space};

    fn target(url: &str, space: Option<&str>) -> anyhow::Result<Target> {
        Target::new(url, space.map(|space| space.parse::<Space>().unwrap()))
    }

    #[test]
    fn the_space_is_in_the_address_or_apart_or_the_default_one() {
        for (url, space, at) in [
            ("https://k", None, "https://k/x"),
            ("https://k/", Some("default"), "https://k/x"),
            ("https://k/s/team/", None, "https://k/s/team/x"),
            ("https://k:5601/base/path", Some("team"), "https://k:5601/base/path/s/team/x"),
            ("https://k/base/s/team", Some("team"), "https://k/base/s/team/x"),
            ("https://k/s/default", None, "https://k/x"),
            ("https://u:p@k/s/team", None, "https://k/s/team/x"),
        ] {
            assert_eq!(target(url, space).unwrap().kibana.at("/x"), at, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_or_names_two_spaces_is_refused_without_its_password() {
        for (url, space) in [
            ("", None),
            ("kibana:5601", None),
            ("u:secret@kibana", None),
            ("https://u:secret@k/s/Team", None),
            ("https://u:secret@k/app/home#/", None),
            ("https://u:secret@k/s/one", Some("other")),
        ] {
            let refusal = target(url, space).unwrap_err().to_string();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn credentials_in_the_address_are_used_and_not_shown() {
        let target = target("https://u:p%40ss@k/", None).unwrap();
        let header = in_address(&target.given).header().unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic dTpwQHNz");
        assert!(!target.kibana.at("/").contains("ss@"));
    }

    #[test]
    fn an_id_cannot_break_the_address_it_is_in() {
        let target = target("https://k", Some("team")).unwrap();
        let objects = SavedObjects::new(target.kibana.space(), "a&b%(c)'é");
        let places = places(&target, objects.names());
        let dashboard =
            "https://k/s/team/app/dashboards#/view/stakeout.team.a%26b%25%28c%29%27%C3%A9.dashboard";
        assert_eq!(places.lines().last(), Some(&*format!("dashboard: {dashboard}")));
    }
}
