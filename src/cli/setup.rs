//! `stakeout setup`: the alerts index and Kibana's saved objects, made or written as files.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::Ending;
use super::args::SetupArgs;
use super::kibana::{self, Target};
use super::{connect, output, rules};
use crate::alert::AlertIndex;
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
            output::say(&format!("error: {error:#}"));
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
    Ok((Needs::of(&rules, &args.alerts_index), space))
}

fn make(args: &SetupArgs, target: Option<&Target>) -> Ending {
    let index = &args.alerts_index;
    let cluster = match connect::cluster(&args.connection) {
        Ok(cluster) => cluster,
        Err(error) => return Ending::Wrong(error),
    };
    let runtime = match tokio::runtime::Runtime::new().context("the runtime could not be started") {
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

/// Writes each request's body as a file whose name says where it goes.
fn print(folder: &Path, index: &AlertIndex, needs: &Needs, space: &Space) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    for (name, body) in [
        ("index-template.json", pretty(&index.template())),
        ("alerts-index.json", pretty(&index.first_index_body())),
        ("state-index.json", pretty(&AlertIndex::state_index_body())),
        ("role.json", pretty(&needs.role())),
        ("api-key.json", pretty(&needs.api_key())),
        ("setup-role.json", pretty(&setup_role(index, space.as_str()))),
        ("kibana.ndjson", SavedObjects::new(space, index.alias()).ndjson()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, body).with_context(|| format!("`{}` cannot be written", path.display()))?;
        output::result(&path.display().to_string());
    }
    Ok(())
}

fn pretty(body: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(body).unwrap_or_default())
}
