//! The name that an index was given. Where the cluster moves its documents to another index, under the `_id`s that they
//! have, it puts a prefix before that name: the documents stay the same findings.

/// Mounted from a snapshot by a lifecycle, whole or in part, or re-indexed as part of a data stream for a new version.
const PLAIN: [&str; 4] = ["restored-", "partial-", "dlm-frozen-", "migrated-"];

/// Shrunken by a lifecycle, or cloned by it to be merged: random characters follow, and a hyphen.
const WITH_RANDOM: [&str; 2] = ["shrink-", "fm-clone-"];

/// How many random characters those are.
const RANDOM: usize = 4;

/// Re-indexed by Kibana's upgrade assistant: the number of the version follows, and a hyphen.
const WITH_VERSION: &str = "reindexed-v";

/// The name of the index whose documents `index` has, which may be of a remote cluster.
pub(super) fn given_name(index: &str) -> String {
    let (cluster, name) = index.rfind(':').map_or(("", index), |colon| index.split_at(colon + 1));
    let mut name = name.to_owned();
    while let Some(shorter) = before(&name) {
        name = shorter;
    }
    format!("{cluster}{name}")
}

/// The name without its first prefix; none where it has none. A dot at the beginning stays there.
fn before(name: &str) -> Option<String> {
    let (dot, bare) = name.strip_prefix('.').map_or(("", name), |bare| (".", bare));
    let rest = PLAIN
        .iter()
        .find_map(|prefix| bare.strip_prefix(prefix))
        .or_else(|| WITH_RANDOM.iter().find_map(|prefix| without_random(bare.strip_prefix(prefix)?)))
        .or_else(|| without_version(bare.strip_prefix(WITH_VERSION)?))?;
    (!rest.is_empty()).then(|| format!("{dot}{rest}"))
}

fn without_random(rest: &str) -> Option<&str> {
    let (random, rest) = rest.split_at_checked(RANDOM)?;
    let is_random =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    rest.strip_prefix('-').filter(|_| random.bytes().all(is_random))
}

fn without_version(rest: &str) -> Option<&str> {
    let (version, rest) = rest.split_once('-')?;
    let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::given_name;

    #[test]
    fn what_the_cluster_put_before_a_name_is_no_part_of_it() {
        for (index, name) in [
            ("restored-logs-a", "logs-a"),
            ("partial-restored-logs-a", "logs-a"),
            (
                "partial-.ds-logs-aws.cloudtrail-default-2026.11.20-000001",
                ".ds-logs-aws.cloudtrail-default-2026.11.20-000001",
            ),
            ("dlm-frozen-.ds-logs-x-000001", ".ds-logs-x-000001"),
            ("shrink-a-_9-logs-a", "logs-a"),
            ("partial-shrink-ab12-logs-a", "logs-a"),
            ("partial-fm-clone-ab12-logs-a", "logs-a"),
            (".migrated-ds-logs-x-000001", ".ds-logs-x-000001"),
            ("migrated-logs-a", "logs-a"),
            ("reindexed-v9-reindexed-v8-logs-a", "logs-a"),
            (".reindexed-v8-x", ".x"),
            ("far:restored-logs-a", "far:logs-a"),
        ] {
            assert_eq!(given_name(index), name);
        }
    }

    #[test]
    fn any_other_name_stays_as_it_is() {
        for index in [
            "logs-a",
            ".ds-logs-x-000001",
            "my-restored-logs",
            "restored",
            "restored-",
            "partial_logs",
            "shrink-logs",
            "shrink-ab1-logs",
            "shrink-AB12-logs",
            "shrink-abcd-",
            "shrink-äöü-logs",
            "reindexed-v-logs",
            "reindexed-vx-logs",
            "downsample-1h-metrics",
            "far:logs-a",
            "",
            ":",
            ".",
        ] {
            assert_eq!(given_name(index), index);
        }
    }
}
