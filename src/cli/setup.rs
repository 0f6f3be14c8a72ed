//! `stakeout setup`: the alerts index and Kibana's saved objects, made or written as files.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::Ending;
use super::args::SetupArgs;
use super::kibana::{self, Target};
use super::{connect, output};
use crate::alert::{AlertIndex, SecurityAlerts};
use crate::kibana::{SavedObjects, Space};

/// The least-privilege role, as the security API takes it.
const ROLE: &str = include_str!("../../docker/role.json");

/// The request for an API key with the same privileges.
const API_KEY: &str = include_str!("../../docker/api-key.json");

/// Makes everything, or prints it.
pub fn setup(args: &SetupArgs) -> Ending {
    let target = match Target::named(args.kibana_url.as_deref(), args.kibana_space.as_deref()) {
        Ok(target) => target,
        Err(error) => return Ending::Wrong(error),
    };
    match &args.print {
        Some(folder) => space(args, target.as_ref())
            .map_or_else(Ending::Wrong, |space| ending(print(folder, args, &space))),
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

/// The space whose objects are printed: the one of Kibana's address, where that is known.
fn space(args: &SetupArgs, target: Option<&Target>) -> anyhow::Result<Space> {
    match target {
        Some(target) => Ok(target.kibana.space().clone()),
        None => Ok(kibana::named_space(args.kibana_space.as_deref())?.unwrap_or_default()),
    }
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
fn print(folder: &Path, args: &SetupArgs, space: &Space) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let index = &args.alerts_index;
    let copies = args.security_alerts.then(|| SecurityAlerts::of(space.clone()));
    let granted = |text: &str, indices: &str| -> anyhow::Result<String> {
        let text = text.replace("stakeout-alerts", index.alias());
        copies.as_ref().map_or(Ok(text.clone()), |copies| with_copies(&text, indices, copies))
    };
    for (name, body) in [
        ("index-template.json", pretty(&index.template())),
        ("alerts-index.json", pretty(&index.first_index_body())),
        ("state-index.json", pretty(&AlertIndex::state_index_body())),
        ("role.json", granted(ROLE, "/indices")?),
        ("api-key.json", granted(API_KEY, "/role_descriptors/stakeout/indices")?),
        ("kibana.ndjson", SavedObjects::new(space, index.alias()).ndjson()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, body).with_context(|| format!("`{}` cannot be written", path.display()))?;
        output::result(&path.display().to_string());
    }
    Ok(())
}

/// What `text` grants on the `indices` in it, and besides what copies among Kibana's own alerts need.
fn with_copies(text: &str, indices: &str, copies: &SecurityAlerts) -> anyhow::Result<String> {
    let mut body: Value = serde_json::from_str(text)?;
    let granted = body.pointer_mut(indices).and_then(Value::as_array_mut).context("privileges on indices")?;
    granted.push(json!({"names": [copies.alias()], "privileges": SecurityAlerts::PRIVILEGES}));
    Ok(pretty(&body))
}

fn pretty(body: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(body).unwrap_or_default())
}
