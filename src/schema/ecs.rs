//! The field types of the Elastic Common Schema (Apache-2.0, <https://github.com/elastic/ecs>, `generated/ecs/ecs_flat.yml`).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::FieldType;

/// The version of ECS that the table was made from.
pub const ECS_VERSION: &str = "9.4.0";

/// Lines of `field<TAB>type`, sorted, multi-fields included.
const TABLE: &str = include_str!("ecs.tsv");

static TYPES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| ecs_fields().collect());

/// Every ECS field by full name, with Elasticsearch's name of its type.
pub fn ecs_fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(|line| line.split_once('\t'))
}

/// The type ECS gives to `field`; none for a field outside ECS.
#[must_use]
pub fn ecs_type(field: &str) -> Option<FieldType> {
    TYPES.get(field).map(|name| FieldType::from_name(name))
}

#[cfg(test)]
mod tests {
    use super::{FieldType, ecs_fields, ecs_type};

    #[test]
    fn knows_ecs_types() {
        assert_eq!(ecs_type("user.id"), Some(FieldType::Keyword));
        assert_eq!(ecs_type("source.ip"), Some(FieldType::Ip));
        assert_eq!(ecs_type("event.ingested"), Some(FieldType::Date));
        assert_eq!(ecs_type("aws.cloudtrail.user_identity.type"), None);
        assert!(ecs_fields().count() > 2000);
    }
}
