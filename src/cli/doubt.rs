//! Fields of a query that are most likely mistyped: nobody knows them, and no event has them.

use std::path::{Path, PathBuf};

use crate::diagnostic::sanitize;
use crate::eql::Query;
use crate::event::Event;
use crate::local::EventFiles;
use crate::schema::Schema;

/// So many events are looked at for a field.
const LOOKED_AT: usize = 1_000;

/// A field that the schema does not know, and the one that may be meant.
#[derive(Debug, PartialEq, Eq)]
pub struct Doubtful {
    name: String,
    near: Option<String>,
}

/// The fields of `query` that `schema` does not know, those apart that need not be there.
pub fn doubtful(query: &Query, schema: &Schema) -> Vec<Doubtful> {
    let unknown = query.fields().into_iter().filter(|field| !field.optional && !schema.knows(&field.name));
    unknown
        .map(|field| Doubtful { near: schema.nearest(&field.name).map(str::to_owned), name: field.name })
        .collect()
}

/// What to say of those that none of the first events in these files has either; nothing where they cannot be read again.
pub fn words(doubtful: &[Doubtful], paths: &[PathBuf]) -> Vec<String> {
    if doubtful.is_empty() || paths.iter().any(|path| path == Path::new("-")) {
        return Vec::new();
    }
    let mut missing: Vec<&Doubtful> = doubtful.iter().collect();
    for located in EventFiles::new(paths.to_vec()).read().flatten().take(LOOKED_AT) {
        missing.retain(|field| !has(&located.event, &field.name));
    }
    missing.into_iter().map(Doubtful::words).collect()
}

fn has(event: &Event, field: &str) -> bool {
    event.any(field, |_| true)
}

impl Doubtful {
    fn words(&self) -> String {
        let meant = self.near.as_ref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        sanitize(&format!(
            "`{}` is in no mapping or ECS, nor in the events that were looked at{meant}",
            self.name
        ))
    }
}
