//! The arguments that say where the cluster is and how to log in.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use secrecy::SecretString;

use crate::elastic::DEFAULT_TIMEOUT;

/// Where the cluster is and how to log in; an empty variable counts as unset.
///
/// It comes last wherever it is taken in, as its heading would stand over whatever follows.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Elasticsearch")]
pub struct ConnectionArgs {
    /// Address; several separated by commas are used in turn [default: <http://localhost:9200>]
    #[arg(long, value_name = "URL", env = "ELASTICSEARCH_URL", hide_env_values = true)]
    pub elasticsearch_url: Option<String>,
    /// Cloud ID of an Elastic Cloud deployment, instead of an address
    #[arg(long, value_name = "ID", env = "ELASTIC_CLOUD_ID")]
    pub cloud_id: Option<String>,
    /// API key, encoded or as `id:key`
    #[arg(long, value_name = "KEY", env = "ELASTICSEARCH_API_KEY", hide_env_values = true)]
    pub api_key: Option<SecretString>,
    /// File that holds the API key, as secrets are mounted into containers
    #[arg(long, value_name = "FILE", env = "ELASTICSEARCH_API_KEY_FILE")]
    pub api_key_file: Option<PathBuf>,
    /// User name
    #[arg(long, value_name = "NAME", env = "ELASTICSEARCH_USERNAME")]
    pub username: Option<String>,
    /// Password
    #[arg(long, value_name = "PASSWORD", env = "ELASTICSEARCH_PASSWORD", hide_env_values = true)]
    pub password: Option<SecretString>,
    /// File that holds the password, as secrets are mounted into containers
    #[arg(long, value_name = "FILE", env = "ELASTICSEARCH_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// Bearer token
    #[arg(long, value_name = "TOKEN", env = "ELASTICSEARCH_BEARER_TOKEN", hide_env_values = true)]
    pub bearer_token: Option<SecretString>,
    /// File that holds the bearer token, as secrets are mounted into containers
    #[arg(long, value_name = "FILE", env = "ELASTICSEARCH_BEARER_TOKEN_FILE")]
    pub bearer_token_file: Option<PathBuf>,
    /// PEM file of the authority that signed the cluster's certificate
    #[arg(long, value_name = "FILE", env = "ELASTICSEARCH_CA_CERT")]
    pub ca_cert: Option<PathBuf>,
    /// SHA-256 of a certificate that the cluster must show, whose holder alone is then trusted; Elasticsearch prints that of
    /// its own authority when it first starts
    #[arg(long, value_name = "HEX", env = "ELASTICSEARCH_CA_FINGERPRINT")]
    pub ca_fingerprint: Option<String>,
    /// PEM file of a certificate by which the cluster knows who asks, with --client-key
    #[arg(long, value_name = "FILE", env = "ELASTICSEARCH_CLIENT_CERT")]
    pub client_cert: Option<PathBuf>,
    /// PEM file of that certificate's key
    #[arg(long, value_name = "FILE", env = "ELASTICSEARCH_CLIENT_KEY")]
    pub client_key: Option<PathBuf>,
    /// Proxy for every request [default: what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say]
    #[arg(long, value_name = "URL", env = "ELASTICSEARCH_PROXY", hide_env_values = true)]
    pub proxy: Option<SecretString>,
    /// File that holds the proxy's address, as it may hold a password
    #[arg(long, value_name = "FILE", env = "ELASTICSEARCH_PROXY_FILE")]
    pub proxy_file: Option<PathBuf>,
    /// Pack what is sent and received with gzip: for a cluster that is far away
    #[arg(long, env = "ELASTICSEARCH_COMPRESSION", value_parser = BoolishValueParser::new())]
    pub compression: bool,
    /// How long one request may take, in seconds
    #[arg(long, value_name = "SECONDS", env = "ELASTICSEARCH_REQUEST_TIMEOUT", default_value = "60", value_parser = seconds)]
    pub request_timeout: Duration,
}

/// The time-outs that there can be, in seconds.
pub const TIMEOUTS: RangeInclusive<u64> = 1..=86_400;

/// A time in seconds; an empty variable counts as unset.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.trim() {
        "" => Ok(DEFAULT_TIMEOUT),
        text => match text.parse() {
            Ok(seconds) if TIMEOUTS.contains(&seconds) => Ok(Duration::from_secs(seconds)),
            _ => Err("expected whole seconds from 1 to 86400".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn a_time_out_is_a_number_of_seconds() {
        assert_eq!(super::seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(super::seconds(" "), Ok(super::DEFAULT_TIMEOUT));
        for wrong in ["0", "-1", "1.5", "1m", "86401"] {
            assert!(super::seconds(wrong).is_err(), "{wrong}");
        }
    }
}
