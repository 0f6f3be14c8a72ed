//! `stakeout setup`: the alerts index and Kibana's data view, made or written as files.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::Ending;
use super::args::SetupArgs;
use super::kibana::{self, DataView};
use super::{connect, output};
use crate::alert::AlertIndex;

/// The least-privilege role, as the security API takes it.
const ROLE: &str = include_str!("../../docker/role.json");

/// The request for an API key with the same privileges.
const API_KEY: &str = include_str!("../../docker/api-key.json");

/// Makes everything, or prints it.
pub fn setup(args: &SetupArgs) -> Ending {
    let index = &args.alerts_index;
    let done = match &args.print {
        Some(folder) => print(folder, index),
        None => return make(args, index),
    };
    match done {
        Ok(()) => Ending::Done,
        Err(error) => {
            output::say(&format!("error: {error:#}"));
            Ending::Failed
        }
    }
}

fn make(args: &SetupArgs, index: &AlertIndex) -> Ending {
    let cluster = match connect::cluster(&args.connection) {
        Ok(cluster) => cluster,
        Err(error) => return Ending::Wrong(error),
    };
    let runtime = match tokio::runtime::Runtime::new().context("the runtime could not be started") {
        Ok(runtime) => runtime,
        Err(error) => return Ending::Wrong(error),
    };
    let result = runtime.block_on(async {
        crate::detect::install(&cluster, index).await?;
        output::result(&format!("alerts index: `{}`, template `{}`", index.alias(), index.template_name()));
        match &args.kibana_url {
            None => output::say("no data view made: give Kibana's address with --kibana-url or KIBANA_URL"),
            Some(url) => {
                let words = kibana::import(url, &args.connection, &DataView::of(index)).await?;
                output::result(&words);
            }
        }
        Ok::<(), anyhow::Error>(())
    });
    match result {
        Ok(()) => Ending::Done,
        Err(error) => {
            output::say(&format!("error: {error:#}"));
            Ending::Failed
        }
    }
}

/// Writes each request's body as a file whose name says where it goes.
fn print(folder: &Path, index: &AlertIndex) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let named = |text: &str| text.replace("stakeout-alerts", index.alias());
    for (name, body) in [
        ("index-template.json", pretty(&index.template())),
        ("alerts-index.json", pretty(&index.first_index_body())),
        ("state-index.json", pretty(&AlertIndex::state_index_body())),
        ("role.json", named(ROLE)),
        ("api-key.json", named(API_KEY)),
        ("kibana-data-view.ndjson", DataView::of(index).ndjson()),
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
