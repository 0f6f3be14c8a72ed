//! From flags and environment to a cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::args::ConnectionArgs;
use crate::bounded;
use crate::elastic::{Ambient, Auth, CaCertificate, ClientFiles, Cluster, Connection, Observer, RetryPolicy};
use crate::kibana::KibanaAddress;
use crate::schedule;

/// The largest file of a secret; tokens have some kilobytes at most.
const MAX_SECRET: u64 = 64 << 10;

/// The cluster that the arguments name; nothing is asked of it yet.
///
/// # Errors
/// The address, the Cloud ID or the certificate cannot be used, or two ways to log in are given.
pub fn cluster(args: &ConnectionArgs) -> anyhow::Result<Cluster> {
    observed(args, Observer::default())
}

/// The same, with someone who is told what becomes of requests.
///
/// # Errors
/// As [`cluster`].
pub fn observed(args: &ConnectionArgs, observer: Observer) -> anyhow::Result<Cluster> {
    connected(&connection(args)?, observer)
}

/// The same cluster for someone who cannot wait: two attempts at a request, each of `longest` at most.
///
/// # Errors
/// As [`cluster`].
pub fn impatient(args: &ConnectionArgs, longest: Duration) -> anyhow::Result<Cluster> {
    let connection = connection(args)?;
    let retry = RetryPolicy { attempts: 2, ..RetryPolicy::default() };
    connected(
        &Connection { timeout: longest.min(connection.timeout), retry, ..connection },
        Observer::default(),
    )
}

fn connected(connection: &Connection, observer: Observer) -> anyhow::Result<Cluster> {
    let ambient = Ambient::new(schedule::utc_now, tokio::time::sleep).observed_by(observer);
    Cluster::with_ambient(connection, ambient).context("the cluster cannot be used")
}

/// How the arguments say that the cluster is reached.
///
/// # Errors
/// Two ways to log in are given, or half of one.
pub fn connection(args: &ConnectionArgs) -> anyhow::Result<Connection> {
    Ok(Connection {
        urls: urls(args),
        cloud_id: given(args.cloud_id.as_deref()).map(str::to_owned),
        auth: auth(args)?,
        ca_certificate: ca_file(args).map(CaCertificate::File),
        ca_fingerprint: given(args.ca_fingerprint.as_deref()).map(str::to_owned),
        client_certificate: client_files(args)?,
        proxy: proxy(args)?.map(|proxy| proxy.expose_secret().trim().to_owned()),
        compression: args.compression,
        timeout: args.request_timeout,
        ..Connection::default()
    })
}

/// The Kibana, and the space in it, that links lead to; what is empty counts as not given.
///
/// # Errors
/// One of them is none, or two spaces are named.
pub fn kibana(url: Option<&str>, space: Option<&str>) -> anyhow::Result<Option<KibanaAddress>> {
    let read = || -> Result<Option<KibanaAddress>, String> {
        let Some(url) = given(url) else { return Ok(None) };
        let address: KibanaAddress = url.parse()?;
        match given(space) {
            Some(space) => address.in_space(space.parse()?).map(Some),
            None => Ok(Some(address)),
        }
    };
    read().map_err(|error| anyhow!(error)).context("`--kibana-url` (or KIBANA_URL) cannot be used")
}

/// The one way to log in that is given.
fn auth(args: &ConnectionArgs) -> anyhow::Result<Auth> {
    let key = secret("API key", args.api_key.as_ref(), args.api_key_file.as_deref())?;
    let token = secret("bearer token", args.bearer_token.as_ref(), args.bearer_token_file.as_deref())?;
    let password = secret("password", args.password.as_ref(), args.password_file.as_deref())?;
    let username = given(args.username.as_deref());
    let basic = match (username, password) {
        (Some(username), Some(password)) => Some(Auth::Basic { username: username.to_owned(), password }),
        (None, None) => None,
        (Some(_), None) => bail!("a user name is given without a password: set ELASTICSEARCH_PASSWORD"),
        (None, Some(_)) => bail!("a password is given without a user name: set ELASTICSEARCH_USERNAME"),
    };
    let mut ways = [key.map(Auth::ApiKey), token.map(Auth::Bearer), basic].into_iter().flatten();
    let way = ways.next().unwrap_or(Auth::None);
    if ways.next().is_some() {
        bail!(
            "more than one way to log in is given: keep one of API key, bearer token, and user name with password"
        );
    }
    Ok(way)
}

/// The address of the proxy, which may hold a password.
///
/// # Errors
/// It is given twice, or its file cannot be read.
pub fn proxy(args: &ConnectionArgs) -> anyhow::Result<Option<SecretString>> {
    secret("proxy", args.proxy.as_ref(), args.proxy_file.as_deref())
}

/// The file of the certificate authority, where one is given.
pub fn ca_file(args: &ConnectionArgs) -> Option<PathBuf> {
    args.ca_cert.clone().filter(|path| !path.as_os_str().is_empty())
}

/// Every file that says how to reach the cluster or to log in.
pub fn files(args: &ConnectionArgs) -> Vec<PathBuf> {
    let ConnectionArgs {
        api_key_file,
        password_file,
        bearer_token_file,
        ca_cert,
        client_cert,
        client_key,
        proxy_file,
        ..
    } = args;
    let files =
        [api_key_file, password_file, bearer_token_file, ca_cert, client_cert, client_key, proxy_file];
    files.into_iter().flatten().filter(|path| !path.as_os_str().is_empty()).cloned().collect()
}

/// What tells these settings from others, the content of files aside: a digest, as there are secrets among them.
pub fn digest(args: &ConnectionArgs) -> [u8; 32] {
    let ConnectionArgs {
        elasticsearch_url,
        cloud_id,
        api_key,
        api_key_file,
        username,
        password,
        password_file,
        bearer_token,
        bearer_token_file,
        ca_cert,
        ca_fingerprint,
        client_cert,
        client_key,
        proxy,
        proxy_file,
        compression,
        request_timeout,
    } = args;
    let texts = [elasticsearch_url, cloud_id, username, ca_fingerprint];
    let files =
        [api_key_file, password_file, bearer_token_file, ca_cert, client_cert, client_key, proxy_file];
    let secrets = [api_key, password, bearer_token, proxy]
        .map(|secret| secret.as_ref().map(ExposeSecret::expose_secret));
    Sha256::digest(format!("{texts:?}{files:?}{secrets:?}{compression}{request_timeout:?}")).into()
}

fn urls(args: &ConnectionArgs) -> Vec<String> {
    let text = given(args.elasticsearch_url.as_deref()).unwrap_or_default();
    text.split(',').map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned).collect()
}

/// An empty variable counts as unset, as compose files leave them.
pub fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The client's certificate and key, where both are given.
///
/// # Errors
/// One is given without the other.
pub fn client_files(args: &ConnectionArgs) -> anyhow::Result<Option<ClientFiles>> {
    let named = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
    match (named(&args.client_cert), named(&args.client_key)) {
        (Some(certificate), Some(key)) => Ok(Some(ClientFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            bail!("a client certificate is given without its key: set ELASTICSEARCH_CLIENT_KEY")
        }
        (None, Some(_)) => {
            bail!("a key is given without its client certificate: set ELASTICSEARCH_CLIENT_CERT")
        }
    }
}

/// A secret that is given itself, or in a file, which may end with a line feed; what is empty counts as not given.
fn secret(
    what: &str,
    given: Option<&SecretString>,
    file: Option<&Path>,
) -> anyhow::Result<Option<SecretString>> {
    let given = given.filter(|secret| !secret.expose_secret().trim().is_empty());
    let Some(path) = file.filter(|path| !path.as_os_str().is_empty()) else { return Ok(given.cloned()) };
    if given.is_some() {
        bail!("the {what} is given twice, itself and in the file `{}`: keep one", path.display());
    }
    let text = bounded::read_text(path, MAX_SECRET)
        .with_context(|| format!("the file of the {what}, `{}`, cannot be read", path.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        bail!("the file of the {what}, `{}`, is empty", path.display());
    }
    Ok(Some(SecretString::from(text)))
}
