//! ECS category and types of the CloudTrail actions that Elastic's AWS integration classifies.

/// How an action is classified; an action that is not listed has type `info` and no category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Categories {
    /// `event.category`.
    pub category: &'static str,
    /// `event.type`.
    pub types: &'static [&'static str],
}

/// Actions by what they do, each group with its category and types.
const GROUPS: &[(&str, &[&str], &[&str])] = &[
    ("authentication", &["info"], &["AssumeRole", "ConsoleLogin"]),
    ("file", &["creation"], &["CreateBucket"]),
    ("file", &["deletion"], &["DeleteBucket"]),
    ("iam", &["user", "creation"], &["CreateUser"]),
    ("iam", &["user", "deletion"], &["DeleteUser"]),
    (
        "iam",
        &["user", "change"],
        &[
            "AttachUserPolicy",
            "ChangePassword",
            "CreateAccessKey",
            "CreateVirtualMFADevice",
            "DeactivateMFADevice",
            "DeleteAccessKey",
            "DeleteSSHPublicKey",
            "DeleteUserPermissionsBoundary",
            "DeleteUserPolicy",
            "DeleteVirtualMFADevice",
            "DetachUserPolicy",
            "EnableMFADevice",
            "PutUserPermissionsBoundary",
            "PutUserPolicy",
            "TagUser",
            "UntagUser",
            "UpdateAccessKey",
            "UpdateLoginProfile",
            "UpdateSSHPublicKey",
            "UpdateUser",
        ],
    ),
    (
        "iam",
        &["user", "info"],
        &[
            "GetUser",
            "GetUserPolicy",
            "ListAttachedUserPolicies",
            "ListGroupsForUser",
            "ListUserPolicies",
            "ListUserTags",
            "ListUsers",
        ],
    ),
    ("iam", &["group", "creation"], &["CreateGroup"]),
    ("iam", &["group", "deletion"], &["DeleteGroup"]),
    (
        "iam",
        &["group", "change"],
        &[
            "AddUserToGroup",
            "AttachGroupPolicy",
            "DeleteGroupPolicy",
            "DetachGroupPolicy",
            "PutGroupPolicy",
            "RemoveUserFromGroup",
            "UpdateGroup",
        ],
    ),
    (
        "iam",
        &["group", "info"],
        &["GetGroup", "GetGroupPolicy", "ListAttachedGroupPolicies", "ListGroupPolicies", "ListGroups"],
    ),
    ("iam", &["admin", "creation"], &["CreateKeyPair"]),
    (
        "iam",
        &["admin", "change"],
        &[
            "SetDefaultPolicyVersion",
            "SetSecurityTokenServicePreferences",
            "UpdateAccountPasswordPolicy",
            "UpdateRole",
        ],
    ),
];

/// The classification of `action` (the record's `eventName`).
pub(super) fn of(action: &str) -> Option<Categories> {
    let (category, types, _) = GROUPS.iter().find(|(_, _, actions)| actions.contains(&action))?;
    Some(Categories { category, types })
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, of};

    #[test]
    fn an_action_is_in_one_group_only() {
        let mut actions: Vec<_> = GROUPS.iter().flat_map(|(_, _, actions)| *actions).collect();
        let count = actions.len();
        actions.sort_unstable();
        actions.dedup();
        assert_eq!(actions.len(), count);
    }

    #[test]
    fn sign_in_tokens_are_not_classified() {
        assert_eq!(of("GetSigninToken"), None);
        assert_eq!(
            of("ConsoleLogin").map(|found| (found.category, found.types)),
            Some(("authentication", &["info"][..]))
        );
    }
}
