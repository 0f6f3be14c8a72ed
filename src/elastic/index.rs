//! Index templates, indices and their write aliases, made so that several may try at the same time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Body, segment};
use super::call::{Answer, Call};
use super::error::Cause;
use super::{Cluster, ElasticError};

/// The setting that says when an index was made, in milliseconds since 1970.
const CREATED: &str = "index.creation_date";

/// Whether something had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// It was made now.
    Created,
    /// It was there.
    AlreadyThere,
}

/// An index behind an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The index's name.
    pub index: String,
    /// Whether it is said to be the one that is written to; none where nothing is said.
    pub is_write_index: Option<bool>,
}

impl Member {
    /// The index among those of an alias that what is written to the alias goes to; none where Elasticsearch refuses it.
    #[must_use]
    pub fn written_to(members: &[Self]) -> Option<&Self> {
        match members {
            [alone] => Some(alone).filter(|alone| alone.is_write_index != Some(false)),
            several => several.iter().find(|member| member.is_write_index == Some(true)),
        }
    }
}

#[derive(Deserialize)]
struct Aliased {
    #[serde(default)]
    aliases: BTreeMap<String, Aliasing>,
}

#[derive(Deserialize)]
struct Aliasing {
    #[serde(default)]
    is_write_index: Option<bool>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    settings: Map<String, Value>,
}

impl Cluster {
    /// Writes an index template, over one of the same name.
    ///
    /// # Errors
    /// No answer, no permission, or a template that the cluster refuses.
    pub async fn put_index_template(&self, name: &str, template: &Value) -> Result<(), ElasticError> {
        let call =
            Call::new(Method::Put, template_path(name), format!("writing the index template `{name}`"))
                .body(Body::Json(template.to_string()));
        self.call(&call, |_| Ok(())).await
    }

    /// Reads an index template as the cluster keeps it; none where there is none of the name.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn index_template(&self, name: &str) -> Result<Option<Value>, ElasticError> {
        let asked = format!("reading the index template `{name}`");
        let call = Call::new(Method::Get, template_path(name), asked).accepts(&[404]);
        self.call(&call, |answer| {
            if answer.status == 404 {
                return absent(answer, "resource_not_found_exception").map(|()| None);
            }
            let mut body: Value = answer.json()?;
            match body.pointer_mut("/index_templates/0/index_template") {
                Some(template) => Ok(Some(template.take())),
                None => Err(answer.error(Cause::Unexpected("expected a template, found none".to_owned()))),
            }
        })
        .await
    }

    /// Makes what was written so far searchable.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn refresh(&self, name: &str) -> Result<(), ElasticError> {
        let asked = format!("making what was written to `{name}` searchable");
        let call = Call::new(Method::Post, format!("/{}/_refresh", segment(name)), asked)
            .param("ignore_unavailable", true);
        self.call(&call, |_| Ok(())).await
    }

    /// Whether an index, alias or data stream of the name exists.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn index_exists(&self, name: &str) -> Result<bool, ElasticError> {
        let asked = format!("asking whether `{name}` exists");
        let call = Call::new(Method::Head, format!("/{}", segment(name)), asked).accepts(&[404]);
        self.call(&call, |answer| Ok(answer.status != 404)).await
    }

    /// The indices behind an alias; none where there is no such alias.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn alias_indices(&self, alias: &str) -> Result<Vec<String>, ElasticError> {
        Ok(self.alias_members(alias).await?.into_iter().map(|member| member.index).collect())
    }

    /// The indices behind an alias and which of them is written to; none where there is no such alias.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn alias_members(&self, alias: &str) -> Result<Vec<Member>, ElasticError> {
        let asked = format!("asking for the indices of the alias `{alias}`");
        let call = Call::new(Method::Get, format!("/_alias/{}", segment(alias)), asked).accepts(&[404]);
        self.call(&call, |answer| {
            if answer.status == 404 {
                return no_alias(answer).map(|()| Vec::new());
            }
            let member = |(index, Aliased { aliases }): (String, Aliased)| Member {
                index,
                is_write_index: aliases.get(alias).and_then(|aliasing| aliasing.is_write_index),
            };
            Ok(answer.json::<BTreeMap<String, Aliased>>()?.into_iter().map(member).collect())
        })
        .await
    }

    /// When the indices behind `name` were made, closed ones too.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn created(&self, name: &str) -> Result<BTreeMap<String, DateTime<Utc>>, ElasticError> {
        let asked = format!("asking when the indices behind `{name}` were made");
        let path = format!("/{}/_settings/{CREATED}", segment(name));
        let call = Call::new(Method::Get, path, asked).param("flat_settings", true);
        self.call(&call, |answer| {
            let settings: BTreeMap<String, Settings> = answer.json()?;
            let time = |settings: Settings| {
                let millis = settings.settings.get(CREATED)?.as_str()?.parse().ok()?;
                DateTime::from_timestamp_millis(millis)
            };
            Ok(settings.into_iter().filter_map(|(index, all)| Some((index, time(all)?))).collect())
        })
        .await
    }

    /// The blocks (`index.blocks.*`) that are set on the indices behind `name`, by index.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub async fn index_blocks(&self, name: &str) -> Result<BTreeMap<String, Vec<String>>, ElasticError> {
        let asked = format!("asking which blocks are set on `{name}`");
        let call = Call::new(Method::Get, format!("/{}/_settings/index.blocks.*", segment(name)), asked)
            .param("flat_settings", true);
        self.call(&call, |answer| {
            let settings: BTreeMap<String, Settings> = answer.json()?;
            let set = |settings: Settings| {
                let set =
                    settings.settings.into_iter().filter(|(_, value)| *value == "true" || *value == true);
                set.map(|(name, _)| name).collect::<Vec<_>>()
            };
            Ok(settings.into_iter().map(|(index, settings)| (index, set(settings))).collect())
        })
        .await
    }

    /// Makes `alias` usable for writing: where it does not exist, creates `index` with it as the write alias.
    ///
    /// An alias that exists is left as it is, whatever indices it has come to stand for. An `index` that exists
    /// without the alias gets it.
    ///
    /// # Errors
    /// No answer, no permission, or an index that has the alias's name.
    pub async fn ensure_index_with_alias(&self, index: &str, alias: &str) -> Result<Ensured, ElasticError> {
        if !self.alias_indices(alias).await?.is_empty() {
            return Ok(Ensured::AlreadyThere);
        }
        if self.create_index(index, alias).await? == Ensured::AlreadyThere {
            self.add_write_alias(index, alias).await?;
        }
        Ok(Ensured::Created)
    }

    async fn create_index(&self, index: &str, alias: &str) -> Result<Ensured, ElasticError> {
        self.ensure_index(index, &json!({"aliases": {alias: {"is_write_index": true}}})).await
    }

    /// Creates `index` with `body` (settings, mappings, aliases), unless there is one of the name.
    ///
    /// # Errors
    /// No answer, no permission, or a body that the cluster refuses.
    pub async fn ensure_index(&self, index: &str, body: &Value) -> Result<Ensured, ElasticError> {
        let call =
            Call::new(Method::Put, format!("/{}", segment(index)), format!("creating the index `{index}`"))
                .body(Body::Json(body.to_string()))
                .accepts(&[400]);
        self.call(&call, |answer| match answer.status {
            400 => absent(answer, "resource_already_exists_exception").map(|()| Ensured::AlreadyThere),
            _ => Ok(Ensured::Created),
        })
        .await
    }

    async fn add_write_alias(&self, index: &str, alias: &str) -> Result<(), ElasticError> {
        let asked = format!("giving the index `{index}` the alias `{alias}`");
        let body = json!({"actions": [{"add": {"index": index, "alias": alias, "is_write_index": true}}]});
        let call = Call::new(Method::Post, "/_aliases", asked).body(Body::Json(body.to_string()));
        self.call(&call, |_| Ok(())).await
    }
}

fn template_path(name: &str) -> String {
    format!("/_index_template/{}", segment(name))
}

/// Accepts an error status only where Elasticsearch gives this type of error.
fn absent(answer: &Answer, error_type: &str) -> Result<(), ElasticError> {
    let error = answer.status_error();
    if error.causes().iter().any(|cause| cause.is(error_type)) { Ok(()) } else { Err(error) }
}

/// A missing alias is told as `{"error": "alias [x] missing"}`, without a type.
fn no_alias(answer: &Answer) -> Result<(), ElasticError> {
    let error = answer.status_error();
    let missing = |reason: &str| reason.contains("alias") && reason.contains("missing");
    let told = error.causes().iter().any(|cause| {
        cause.is("aliases_not_found_exception") || cause.sentence.as_deref().is_some_and(missing)
    });
    if told { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::Member;

    #[test]
    fn one_index_is_written_to_unless_it_says_otherwise_and_of_several_the_one_that_says_so() {
        for (members, expected) in [
            (&[][..], None),
            (&[("a", None)], Some("a")),
            (&[("a", Some(true))], Some("a")),
            (&[("a", Some(false))], None),
            (&[("a", None), ("b", None)], None),
            (&[("a", Some(false)), ("b", Some(true))], Some("b")),
        ] {
            let member = |(index, is_write_index): &(&str, Option<bool>)| Member {
                index: (*index).to_owned(),
                is_write_index: *is_write_index,
            };
            let members: Vec<Member> = members.iter().map(member).collect();
            let found = Member::written_to(&members).map(|member| member.index.as_str());
            assert_eq!(found, expected, "{members:?}");
        }
    }
}
