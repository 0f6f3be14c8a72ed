//! The ids of the objects: the same for the same space and index, and for no other.

use super::object::Kind;
use super::space::Space;

/// The id of each object. Kibana keeps these ids unique across all spaces, so the space is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The data view's.
    pub data_view: String,
    /// The saved search's.
    pub search: String,
    /// The dashboard's.
    pub dashboard: String,
}

impl Names {
    /// The ids of the objects over the index `alias` in `space`.
    #[must_use]
    pub fn new(space: &Space, alias: &str) -> Self {
        // Neither a space nor the last part holds a dot, so no two pairs of space and alias share an id.
        let name = |kind: &str| format!("stakeout.{space}.{alias}.{kind}");
        Self { data_view: name("data-view"), search: name("search"), dashboard: name("dashboard") }
    }

    /// The id of the object of that kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &str {
        match kind {
            Kind::DataView => &self.data_view,
            Kind::Search => &self.search,
            Kind::Dashboard => &self.dashboard,
        }
    }

    pub(super) fn set(&mut self, kind: Kind, id: &str) {
        let name = match kind {
            Kind::DataView => &mut self.data_view,
            Kind::Search => &mut self.search,
            Kind::Dashboard => &mut self.dashboard,
        };
        id.clone_into(name);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::Kind;
    use super::{Names, Space};

    #[test]
    fn no_two_pairs_of_space_and_index_share_an_id() {
        let mut seen = HashSet::new();
        for (space, alias) in
            [("default", "a"), ("default", "b"), ("a", "a"), ("a", "b.a"), ("a-b", "a"), ("a", "b-a")]
        {
            let names = Names::new(&space.parse::<Space>().unwrap(), alias);
            assert!(Kind::ALL.iter().all(|kind| seen.insert(names.of(*kind).to_owned())), "{space} {alias}");
        }
    }

    #[test]
    fn the_longest_id_is_one_that_elasticsearch_takes() {
        let names = Names::new(&"s".repeat(200).parse().unwrap(), &"a".repeat(240));
        for kind in Kind::ALL {
            assert!(names.of(kind).len() + kind.type_name().len() < 512);
        }
    }
}
