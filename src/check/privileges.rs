//! What the one who asks may do, against what is needed.

use super::needs::{Needs, asked_besides};
use super::{Checkup, Finding};
use crate::elastic::{Granted, Privileges};

pub(super) const ASKED: &str = "POST /_security/user/_has_privileges";

impl Checkup {
    fn is_asked_besides(&self, pattern: &str) -> bool {
        let is_read = self.rules.iter().any(|rule| rule.index.iter().any(|read| read == pattern));
        !is_read && self.rules.iter().any(|rule| asked_besides(rule).any(|asked| asked == pattern))
    }

    /// One finding for all that is granted, or one for each place where something is not; and one for what cannot be asked.
    pub(super) async fn privileges(&self) -> Vec<Finding> {
        let subject = "privileges";
        let needs = Needs::of(&self.rules, &self.index);
        let mut findings = match self.cluster.has_privileges(&needs.here).await {
            Ok(Granted::NoSecurity) => {
                return vec![Finding::warning(
                    subject,
                    ASKED,
                    "this cluster has no security: whoever reaches it may read and change everything",
                    "switch it on (`xpack.security.enabled`) unless the network protects it",
                )];
            }
            Ok(Granted::To { username, missing }) => self.granted(&username, &missing),
            Err(error) => vec![Finding::failed(subject, ASKED, error)],
        };
        findings.extend(elsewhere(&needs));
        findings
    }

    fn granted(&self, username: &str, missing: &Privileges) -> Vec<Finding> {
        let subject = "privileges";
        let findings = lacking(missing).into_iter().map(|(place, privileges)| {
            let found = format!("`{username}` lacks {} on {place}", privileges.join(", "));
            let advice =
                "grant it; `stakeout setup --print DIR`, with the same `--rules`, writes the whole role";
            if self.is_asked_besides(place.trim_matches('`')) {
                let found = format!("{found}, so that questions of triage go without an answer");
                return Finding::warning(subject, ASKED, found, advice);
            }
            Finding::missing(subject, ASKED, found, advice)
        });
        let findings: Vec<Finding> = findings.collect();
        if findings.is_empty() {
            return vec![Finding::ok(subject, ASKED, format!("`{username}` has all that the rules need"))];
        }
        findings
    }
}

/// What this cluster cannot tell: privileges in others.
fn elsewhere(needs: &Needs) -> Option<Finding> {
    let patterns = needs
        .remote
        .iter()
        .flat_map(|(cluster, names)| names.iter().map(move |name| format!("`{cluster}:{name}`")));
    let patterns: Vec<String> = patterns.collect();
    (!patterns.is_empty()).then(|| {
        let found = format!("not asked for, as only remote clusters know: {}", patterns.join(", "));
        let advice = "grant read, read_cross_cluster and view_index_metadata there; `stakeout setup --print DIR`, with the \
                      same `--rules`, writes them as `remote_indices`";
        Finding::warning("privileges", ASKED, found, advice)
    })
}

/// Places in words, and what is missing there.
pub(super) fn lacking(missing: &Privileges) -> Vec<(String, Vec<String>)> {
    let cluster = (!missing.cluster.is_empty()).then(|| ("the cluster".to_owned(), missing.cluster.clone()));
    let indices = missing.indices.iter().map(|(name, privileges)| (format!("`{name}`"), privileges.clone()));
    cluster.into_iter().chain(indices).collect()
}
