//! Kibana as the command line names it, and its saved objects, imported over older ones of the same ids.

use std::time::Duration;

use anyhow::{Context, anyhow};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;

use super::args::ConnectionArgs;
use super::connect;
use crate::alert::AlertIndex;
use crate::bounded;
use crate::detect::KibanaClient;
use crate::elastic::{Connection, MAX_PEM};
use crate::kibana::{KibanaAddress, Names, SavedObjects, Space};

/// What stays as it is in an id that becomes part of an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Longest time that one request to Kibana may take.
const LONGEST_REQUEST: Duration = Duration::from_mins(1);

/// A Kibana, a space in it, and what its address holds to sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is, without credentials.
    pub kibana: KibanaAddress,
    /// The header that its address asks for, if it holds credentials.
    authorization: Option<HeaderValue>,
}

impl Target {
    /// The Kibana at `url`, whose path may end in `/s/SPACE`, or the space that is named apart.
    ///
    /// # Errors
    /// It is no address, holds half of credentials, or two spaces are named.
    pub fn new(url: &str, space: Option<Space>) -> anyhow::Result<Self> {
        let kibana: KibanaAddress = url.parse().map_err(anyhow::Error::msg)?;
        let kibana = match space {
            Some(space) => kibana.in_space(space).map_err(anyhow::Error::msg)?,
            None => kibana,
        };
        let signing_in = Connection { urls: vec![url.to_owned()], ..Connection::default() };
        Ok(Self { kibana, authorization: signing_in.authorization().map_err(anyhow::Error::msg)? })
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

/// The space in force: the one of Kibana's address, or the one that is named apart, or else the default one.
///
/// # Errors
/// The address is none, no space can have that name, or two are named.
pub fn space(url: Option<&str>, space: Option<&str>) -> anyhow::Result<Space> {
    match connect::kibana(url, space)? {
        Some(kibana) => Ok(kibana.space().clone()),
        None => Ok(named_space(space)?.unwrap_or_default()),
    }
}

/// The Kibana of `target`, signed in to with what its address holds, or else as to Elasticsearch.
///
/// # Errors
/// The certificate or the credentials cannot be used.
pub fn connect(target: &Target, args: &ConnectionArgs) -> anyhow::Result<KibanaClient> {
    let headers = headers(target, &connect::connection(args)?)?;
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

fn headers(target: &Target, elasticsearch: &Connection) -> anyhow::Result<HeaderMap> {
    let value = match &target.authorization {
        Some(value) => Some(value.clone()),
        None => elasticsearch.authorization().map_err(anyhow::Error::msg)?,
    };
    Ok(value.into_iter().map(|value| (AUTHORIZATION, value)).collect())
}

#[cfg(test)]
mod tests {
    use reqwest::header::AUTHORIZATION;

    use super::{Target, headers, places};
    use crate::elastic::{Auth, Connection};
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
            ("https://:secret@k", None),
            ("https://u@k", None),
        ] {
            let refusal = target(url, space).unwrap_err().to_string();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn its_own_address_signs_in_before_what_signs_in_to_elasticsearch() {
        let key = || Auth::ApiKey("id:key".into());
        for (kibana, elasticsearch, auth, expected) in [
            ("https://u:p%40ss@k/", "https://e", key(), Some("Basic dTpwQHNz")),
            ("https://u:p%40ss@k/", "https://es:pw@e", Auth::None, Some("Basic dTpwQHNz")),
            ("https://k/", "https://e", key(), Some("ApiKey aWQ6a2V5")),
            ("https://k/", "https://es:pw@e", Auth::None, Some("Basic ZXM6cHc=")),
            ("https://k/", "https://e", Auth::None, None),
        ] {
            let target = target(kibana, None).unwrap();
            let connection =
                Connection { urls: vec![elasticsearch.to_owned()], auth, ..Connection::default() };
            let headers = headers(&target, &connection).unwrap();
            let sent = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap());
            assert_eq!(sent, expected, "{kibana} {elasticsearch}");
            assert!(!format!("{headers:?}{target:?}").contains("dTpw"));
            assert_eq!(target.kibana.at("/"), "https://k/");
        }
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
