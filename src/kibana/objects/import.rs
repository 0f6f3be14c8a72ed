//! The import of the objects: the upload that Kibana takes, and what its answer says of each object.

use std::fmt;

use serde_json::Value;

use super::SavedObjects;
use super::names::Names;
use super::object::{Kind, SavedObject};
use crate::diagnostic::sanitize;

/// Separates the parts of the upload; it never occurs in JSON of ours.
const BOUNDARY: &str = "stakeout-7d1f0c55a2e94b0b";

/// The path of the import, below Kibana's address and space. Objects of the same type and id are replaced.
const IMPORT_PATH: &str = "/api/saved_objects/_import?overwrite=true";

/// The body of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Where it goes, by `POST`, below Kibana's address and space.
    pub path: &'static str,
    /// Its media type.
    pub content_type: String,
    /// A form with one file in it.
    pub body: String,
}

/// Kibana did not take every object: each with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct NotImported(pub Vec<String>);

impl SavedObjects {
    /// The upload of all objects.
    #[must_use]
    pub fn upload(&self) -> Upload {
        let body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"stakeout.ndjson\"\r\n\
             Content-Type: application/ndjson\r\n\r\n{}\r\n--{BOUNDARY}--\r\n",
            self.ndjson()
        );
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        Upload { path: IMPORT_PATH, content_type, body }
    }

    /// The ids under which Kibana has the objects, by its answer to the upload. They are ours unless an object of
    /// another space had one of them, in which case Kibana took an id of its own and pointed the references there.
    ///
    /// # Errors
    /// The answer, whatever its status, does not say of every object that it was taken.
    pub fn imported(&self, answer: &Value) -> Result<Names, NotImported> {
        let list = |name: &str| answer[name].as_array().map_or(&[][..], Vec::as_slice);
        let taken = |object: &SavedObject| list("successResults").iter().find(|found| is_of(found, object));
        let mut problems: Vec<String> = list("errors").iter().map(|error| self.problem(error)).collect();
        if problems.is_empty() {
            let silent = self.objects.iter().filter(|object| taken(object).is_none());
            problems
                .extend(silent.map(|object| format!("{}: it is not among what was taken", called(object))));
        }
        if problems.is_empty() && answer["success"] != true {
            problems.push("no reason given".to_owned());
        }
        if !problems.is_empty() {
            return Err(NotImported(problems));
        }
        let mut names = self.names.clone();
        for object in &self.objects {
            if let Some(id) = taken(object).and_then(|taken| taken["destinationId"].as_str()) {
                names.set(object.kind, id);
            }
        }
        Ok(names)
    }

    fn problem(&self, error: &Value) -> String {
        let whose = self.objects.iter().find(|object| is_of(error, object));
        let whose = whose.map_or_else(|| thing(error), called);
        format!("{whose}: {}", Reason(&error["error"]))
    }
}

fn is_of(found: &Value, object: &SavedObject) -> bool {
    found["type"] == object.kind.type_name() && found["id"] == object.id.as_str()
}

fn called(object: &SavedObject) -> String {
    format!("{} `{}`", object.kind.words(), object.id)
}

/// An object of Kibana's answer.
fn thing(found: &Value) -> String {
    let text = |key: &str| sanitize(found[key].as_str().unwrap_or("?"));
    let kind = text("type");
    let known = Kind::ALL.into_iter().find(|known| known.type_name() == kind);
    let words = known.map_or(kind, |known| known.words().to_owned());
    format!("{words} `{}`", text("id"))
}

/// Why Kibana did not take an object, in words; for kinds of reasons that are not known, as it says it.
struct Reason<'a>(&'a Value);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |key: &str| -> String {
            let things = self.0[key].as_array().map_or(&[][..], Vec::as_slice);
            things.iter().map(thing).collect::<Vec<_>>().join(", ")
        };
        match (self.0["type"].as_str(), self.0["message"].as_str()) {
            (Some("conflict"), _) => f.write_str("another object has its id"),
            (Some("ambiguous_conflict"), _) => {
                write!(f, "several objects could be the one to replace: {}", listed("destinations"))
            }
            (Some("missing_references"), _) => {
                write!(f, "what it refers to is not there: {}", listed("references"))
            }
            (Some("unsupported_type"), _) => f.write_str("this Kibana does not import objects of its type"),
            (_, Some(message)) => f.write_str(&sanitize(message)),
            _ => f.write_str(&sanitize(&self.0.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::SavedObjects;
    use crate::kibana::Space;

    fn objects() -> SavedObjects {
        SavedObjects::new(&Space::default(), "a")
    }

    fn taken(objects: &SavedObjects) -> Vec<Value> {
        let taken = |object: &super::SavedObject| json!({"type": object.kind.type_name(), "id": object.id});
        objects.objects().iter().map(taken).collect()
    }

    #[test]
    fn what_was_taken_has_our_ids_or_the_ones_that_kibana_chose() {
        let objects = objects();
        let mut results = taken(&objects);
        let names = objects.imported(&json!({"success": true, "successResults": results})).unwrap();
        assert_eq!(&names, objects.names());
        results[2]["destinationId"] = json!("other");
        let names = objects.imported(&json!({"success": true, "successResults": results})).unwrap();
        assert_eq!((names.dashboard.as_str(), &names.search), ("other", &objects.names().search));
    }

    #[test]
    fn an_object_that_nothing_is_said_of_was_not_taken() {
        let objects = objects();
        let first = &taken(&objects)[..1];
        let problems = objects.imported(&json!({"success": true, "successResults": first})).unwrap_err().0;
        assert_eq!(problems.len(), 2, "{problems:?}");
        for answer in [json!(null), json!({}), json!([]), json!({"success": true}), json!({"success": false})]
        {
            assert!(objects.imported(&answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn success_counts_and_not_the_list_alone() {
        let objects = objects();
        let answer = json!({"success": false, "successResults": taken(&objects)});
        assert_eq!(objects.imported(&answer).unwrap_err().0, ["no reason given"]);
    }

    #[test]
    fn every_kind_of_refusal_is_said_in_words() {
        let objects = objects();
        let id = objects.names().dashboard.clone();
        for (error, words) in [
            (json!({"type": "conflict"}), "another object has its id"),
            (
                json!({"type": "ambiguous_conflict", "destinations": [{"id": "x", "type": "dashboard"}]}),
                "several objects could be the one to replace: dashboard `x`",
            ),
            (
                json!({"type": "missing_references", "references": [{"type": "index-pattern", "id": "dv"}]}),
                "what it refers to is not there: data view `dv`",
            ),
            (json!({"type": "unsupported_type"}), "this Kibana does not import objects of its type"),
            (json!({"type": "unknown", "message": "no\u{1b}[31m", "statusCode": 400}), "no"),
            (json!({"type": "new"}), r#"{"type":"new"}"#),
        ] {
            let answer =
                json!({"success": false, "errors": [{"type": "dashboard", "id": id, "error": error}]});
            let said = objects.imported(&answer).unwrap_err().to_string();
            assert!(said.starts_with(&format!("dashboard `{id}`: {words}")), "{said}");
            assert!(!said.contains('\u{1b}'), "{said}");
        }
    }

    #[test]
    fn the_upload_is_one_file_named_as_kibana_demands() {
        let upload = objects().upload();
        let boundary = upload.content_type.split_once("boundary=").unwrap().1.to_owned();
        let parts: Vec<&str> = upload.body.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 3);
        assert!(parts[1].contains(r#"name="file"; filename="stakeout.ndjson""#));
        assert!(parts[1].contains(&objects().ndjson()) && parts[2] == "--\r\n");
    }
}
