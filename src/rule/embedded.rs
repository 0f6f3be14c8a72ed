//! The rules compiled in from `queries/`.

use super::load::{Loaded, load_texts};
use super::report::RuleErrors;

/// Every rule file of `queries/`, by name.
const EMBEDDED: &[(&str, &str)] = &[(
    "queries/lateral_movement_ec2_instance_console_login.toml",
    include_str!("../../queries/lateral_movement_ec2_instance_console_login.toml"),
)];

/// The rules compiled in.
///
/// # Errors
/// One of them is broken; the tests see to it that none is.
pub fn embedded() -> Result<Loaded, RuleErrors> {
    load_texts(EMBEDDED)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{EMBEDDED, embedded};

    #[test]
    fn every_file_of_the_folder_is_compiled_in_and_loads() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/queries");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder of rules")
            .map(|entry| format!("queries/{}", entry.expect("a file").file_name().to_string_lossy()))
            .collect();
        assert_eq!(files, EMBEDDED.iter().map(|(name, _)| (*name).to_owned()).collect());
        let loaded = embedded().unwrap_or_else(|errors| panic!("{}", errors.render(false)));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
}
