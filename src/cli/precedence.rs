//! Which of several settings for one thing counts: flag before environment before file, also where their forms differ.
//!
//! Within one source nothing is dropped, so that two ways to log in stay the contradiction that they are.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use reqwest::Url;

use super::config::on_every;

/// The arguments that make up one way.
type Way = &'static [&'static str];

/// What stands for the credentials in an address, which are no argument of their own.
const IN_ADDRESS: &str = "credentials in the address";

const ADDRESS: &str = "elasticsearch_url";

/// Ways of which one at most is used. The places come first, as one may hold credentials.
const ONE_OF: &[&[Way]] = &[
    &[&[ADDRESS], &["cloud_id"]],
    &[
        &["api_key", "api_key_file"],
        &["bearer_token", "bearer_token_file"],
        &["username", "password", "password_file"],
        &[IN_ADDRESS],
    ],
    &[&["api_key"], &["api_key_file"]],
    &[&["bearer_token"], &["bearer_token_file"]],
    &[&["password"], &["password_file"]],
    &[&["proxy"], &["proxy_file"]],
];

/// Where each setting comes from, by the id of its argument.
type Sources = BTreeMap<&'static str, ValueSource>;

/// The same command, without the variables and defaults before which another way goes.
pub fn settled(command: Command, arguments: &[OsString]) -> Command {
    // What cannot be parsed is told when it is parsed in earnest.
    let Ok(matches) = command.clone().try_get_matches_from(arguments) else { return command };
    let Some((_, matches)) = matches.subcommand() else { return command };
    let address = text(matches, ADDRESS).unwrap_or_default();
    let given = sources(matches, &address);
    let kept = kept(given.clone());
    on_every(command, &|argument: Arg| {
        let id = argument.get_id().as_str();
        let is_dropped = |id: &str| given.contains_key(id) && !kept.contains_key(id);
        if is_dropped(id) {
            argument.env(Resettable::Reset).default_value(Resettable::Reset)
        } else if id == ADDRESS && is_dropped(IN_ADDRESS) {
            argument.env(Resettable::Reset).default_value(without_credentials(&address))
        } else {
            argument
        }
    })
}

fn sources(matches: &ArgMatches, address: &str) -> Sources {
    let all = ONE_OF.iter().copied().flatten().copied().flatten();
    let given = all.filter(|id| text(matches, id).is_some_and(|text| !text.trim().is_empty()));
    let mut sources: Sources = given.filter_map(|id| Some((*id, matches.value_source(id)?))).collect();
    if let Some(source) = sources.get(ADDRESS).filter(|_| without_credentials(address) != address) {
        sources.insert(IN_ADDRESS, *source);
    }
    sources
}

/// The text of an argument that the command has.
fn text(matches: &ArgMatches, id: &str) -> Option<String> {
    let mut values = matches.try_get_raw(id).ok()??;
    values.next().map(|value| value.to_string_lossy().into_owned())
}

/// What is left once each way gives way to those of a higher source.
fn kept(mut sources: Sources) -> Sources {
    for ways in ONE_OF {
        let highest = |way: &&Way| way.iter().filter_map(|id| sources.get(id)).max();
        let top = ways.iter().filter_map(|way| highest(&way)).max();
        let lower: Vec<&str> =
            ways.iter().filter(|way| highest(way) < top).copied().flatten().copied().collect();
        sources.retain(|id, _| !lower.contains(id));
        if !sources.contains_key(ADDRESS) {
            sources.remove(IN_ADDRESS);
        }
    }
    sources
}

/// Addresses, separated by commas, without user names and passwords; one that is no address stays as it is.
fn without_credentials(addresses: &str) -> String {
    let bare = |address: &str| {
        let mut url = Url::parse(address.trim()).ok().filter(|url| !url.authority().is_empty())?;
        let has = !url.username().is_empty() || url.password().is_some();
        url.set_username("").and_then(|()| url.set_password(None)).ok()?;
        has.then(|| url.to_string())
    };
    let all = addresses.split(',').map(|address| bare(address).unwrap_or_else(|| address.to_owned()));
    all.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::parser::ValueSource::{CommandLine, DefaultValue, EnvVariable};

    use super::{ADDRESS, IN_ADDRESS, ONE_OF, Sources, kept, without_credentials};
    use crate::cli::args::Cli;
    use crate::cli::config::argument;

    #[test]
    fn every_way_is_made_up_of_arguments() {
        let command = Cli::command();
        for id in ONE_OF.iter().copied().flatten().copied().flatten().filter(|id| **id != IN_ADDRESS) {
            assert!(argument(&command, id).is_some(), "{id}");
        }
    }

    #[test]
    fn a_higher_source_goes_before_others_and_equal_ones_stay() {
        for (given, left) in [
            (vec![("api_key_file", DefaultValue), ("api_key", EnvVariable)], vec!["api_key"]),
            (vec![("api_key", EnvVariable), ("api_key_file", EnvVariable)], vec!["api_key", "api_key_file"]),
            (vec![("username", DefaultValue), ("password", EnvVariable)], vec!["password", "username"]),
            (
                vec![("api_key", DefaultValue), ("username", DefaultValue), ("password_file", CommandLine)],
                vec!["password_file", "username"],
            ),
            (vec![("username", EnvVariable), ("bearer_token", CommandLine)], vec!["bearer_token"]),
            (
                vec![(ADDRESS, DefaultValue), (IN_ADDRESS, DefaultValue), ("cloud_id", EnvVariable)],
                vec!["cloud_id"],
            ),
            (
                vec![(ADDRESS, DefaultValue), (IN_ADDRESS, DefaultValue), ("api_key", EnvVariable)],
                vec!["api_key", ADDRESS],
            ),
            (
                vec![(ADDRESS, CommandLine), (IN_ADDRESS, CommandLine), ("api_key", EnvVariable)],
                vec![IN_ADDRESS, ADDRESS],
            ),
            (vec![("proxy", DefaultValue), ("proxy_file", EnvVariable)], vec!["proxy_file"]),
        ] {
            let kept = kept(Sources::from_iter(given.clone()));
            assert_eq!(kept.keys().copied().collect::<Vec<_>>(), left, "{given:?}");
        }
    }

    #[test]
    fn credentials_are_taken_out_of_addresses_alone() {
        for (given, bare) in [
            ("http://a:b@h:9200/x,https://c:d@i", "http://h:9200/x,https://i/"),
            ("http://h:9200,http://i", "http://h:9200,http://i"),
            ("u:p@h", "u:p@h"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(given), bare);
        }
    }
}
