//! `stakeout setup`: the alerts index and Kibana's saved objects, made or written as files.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::Ending;
use super::args::SetupArgs;
use super::kibana::{self, Target};
use super::{connect, output, rules, task};
use crate::alert::{AlertIndex, SecurityAlerts};
use crate::check::{Needs, setup_role};
use crate::kibana::{SavedObjects, Space};

/// Makes everything, or prints it.
pub fn setup(args: &SetupArgs, color: bool) -> Ending {
    let target = match Target::named(args.kibana_url.as_deref(), args.kibana_space.as_deref()) {
        Ok(target) => target,
        Err(error) => return Ending::Wrong(error),
    };
    match &args.print {
        Some(folder) => match to_print(args, target.as_ref(), color) {
            Ok((needs, space)) => ending(print(folder, &args.alerts_index, &needs, &space)),
            Err(error) => Ending::Wrong(error),
        },
        None => make(args, target.as_ref()),
    }
}

fn ending(done: anyhow::Result<()>) -> Ending {
    match done {
        Ok(()) => Ending::Done,
        Err(error) => {
            output::fail(&error);
            Ending::Failed
        }
    }
}

/// What the rules need, and the space whose objects are printed: the one of Kibana's address, where that is known.
fn to_print(args: &SetupArgs, target: Option<&Target>, color: bool) -> anyhow::Result<(Needs, Space)> {
    let space = match target {
        Some(target) => target.kibana.space().clone(),
        None => kibana::named_space(args.kibana_space.as_deref())?.unwrap_or_default(),
    };
    let rules = rules::load(&args.rules.rules, color)?;
    let mut needs = Needs::of(&rules, &args.alerts_index);
    if args.security_alerts {
        needs.add(SecurityAlerts::of(space.clone()).alias(), &SecurityAlerts::PRIVILEGES);
    }
    Ok((needs, space))
}

fn make(args: &SetupArgs, target: Option<&Target>) -> Ending {
    let index = &args.alerts_index;
    let cluster = match connect::cluster(&args.connection) {
        Ok(cluster) => cluster,
        Err(error) => return Ending::Wrong(error),
    };
    let runtime = match task::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return Ending::Wrong(error),
    };
    ending(runtime.block_on(async {
        let was_there = !cluster.alias_indices(index.alias()).await?.is_empty();
        let is_renewed = crate::detect::renew_template(&cluster, index).await?;
        crate::detect::install(&cluster, index).await?;
        output::result(&format!("alerts index: `{}`, template `{}`", index.alias(), index.template_name()));
        if was_there && is_renewed {
            output::say(&format!(
                "the template is new, and the next index behind `{alias}` has it: `POST /{alias}/_rollover` makes that now",
                alias = index.alias()
            ));
        }
        match target {
            None => output::say("Kibana was left alone: give its address with --kibana-url or KIBANA_URL"),
            Some(target) => {
                output::result(&kibana::import(target, &args.connection, index).await?);
            }
        }
        Ok(())
    }))
}

/// Writes the body of each request as a file, and prints the request that takes it.
fn print(folder: &Path, index: &AlertIndex, needs: &Needs, space: &Space) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let in_space = if space.is_default() { String::new() } else { format!("/s/{space}") };
    for (request, name, body) in [
        (
            format!("PUT /_index_template/{}", index.template_name()),
            "index-template.json",
            pretty(&index.template()),
        ),
        (format!("PUT /{}", index.first_index()), "alerts-index.json", pretty(&index.first_index_body())),
        (
            format!("PUT /{}", index.state_index()),
            "state-index.json",
            pretty(&AlertIndex::state_index_body()),
        ),
        ("PUT /_security/role/stakeout".to_owned(), "role.json", pretty(&needs.role())),
        ("POST /_security/api_key".to_owned(), "api-key.json", pretty(&needs.api_key())),
        (
            "PUT /_security/role/stakeout-setup".to_owned(),
            "setup-role.json",
            pretty(&setup_role(index, space.as_str())),
        ),
        (
            format!("POST {in_space}/api/saved_objects/_import?overwrite=true"),
            "kibana.ndjson",
            SavedObjects::new(space, index.alias()).ndjson(),
        ),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, body).with_context(|| format!("`{}` cannot be written", path.display()))?;
        output::result(&format!("{request}  {}", path.display()));
    }
    Ok(())
}

fn pretty(body: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(body).unwrap_or_default())
}
