//! Every kind of finding, once: its id, how bad it is, what it means.

use crate::backend::explain::{Rule, Severity};

/// The constants and the list of them.
macro_rules! rules {
    ($($name:ident = $severity:ident $id:literal $about:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, severity: Severity::$severity, about: $about };)*
        /// Those of this room.
        const OWN: &[Rule] = &[$($name),*];
    };
}

rules! {
    NOT_YAML = Error "not-yaml" "the file is no YAML from this line on";
    KEY_TWICE = Error "key-twice" "a key stands twice in one map";
    CLASS_SHAPE = Error "class-shape" "what every class has is missing or of another shape";
    API_VERSION = Error "api-version" "the apiVersion is not that of the Secrets Store CSI driver";
    API_OLD = Warning "api-version-old" "the apiVersion is deprecated";
    PROVIDER_NAME = Error "provider-name" "the driver takes no provider of this name";
    PROVIDER_UNKNOWN = Error "provider-unknown" "the provider's name looks like a slip of one that is known";
    PROVIDER_ELSEWHERE = Note "provider-not-served" "this build does not serve the provider, so that its parameters are not looked at";
    NOT_TEXT = Error "parameter-not-text" "parameters are texts; the API server refuses anything else";
    PARAMETER_UNKNOWN = Warning "parameter-unknown" "the provider does not know the parameter and passes it over";
    PARAMETER_INVALID = Error "parameter-invalid" "the provider refuses a parameter, in these words, at every mount";
    OBJECTS_INVALID = Error "objects-invalid" "the provider refuses `objects`, in these words, at every mount";
    FILE_RULE = Error "file-rule" "the driver's rules for files are broken";
    FIELD_UNKNOWN = Warning "field-unknown" "objects have no such field, and it is passed over";
    DECIMAL_MODE = Warning "mode-decimal" "a file permission is decimal, and looks like an octal one";
    MODE_UNREADABLE = Warning "mode-unreadable" "the files belong to root, and the pod's user may not read this one";
    INTERVAL_FLOOR = Warning "interval-below-floor" "the operator's --min-refresh-interval is longer";
    TEMPLATE = Warning "template-not-rendered" "a template's expression was left in the text";
    LEAK = Error "secret-in-class" "a value looks like a secret, and whoever may read the class reads it";
    SYNC_SHAPE = Error "synced-secret-shape" "the driver passes over a Secret without name, type and data, and only logs it";
    SYNC_FILE = Error "synced-secret-file" "a Secret takes its value from a file that the class does not have";
    SYNC_KEYS = Error "synced-secret-keys" "the Secret's type needs other keys";
    SYNC_TWICE = Error "synced-secret-twice" "two Secrets of one name, or two values of one key";
    CLASS_TWICE = Error "class-twice" "two classes of one name in one namespace";
    CLASS_ABSENT = Error "class-not-found" "a pod mounts a class that is not here";
    CLASS_ELSEWHERE = Error "class-in-other-namespace" "a pod mounts a class that is in another namespace only";
    VOLUME_CLASS = Error "volume-without-class" "a volume names no class";
    VOLUME_WRITABLE = Error "volume-not-read-only" "the driver refuses a volume that is not read-only";
    VOLUME_DRIVER = Error "volume-driver" "the driver's name looks like a slip";
    VOLUME_UNUSED = Warning "volume-not-mounted" "no container mounts the volume";
    ATTRIBUTES = Warning "attributes-override" "the pod's attributes override the class's parameters";
    SUB_PATH = Warning "sub-path" "what is mounted by subPath is never updated";
    ACCOUNT_DEFAULT = Warning "default-service-account" "the pod has no identity of its own";
    ACCOUNT_ABSENT = Warning "service-account-not-found" "the namespace's ServiceAccounts are here, and the pod's is not";
    CREDENTIALS_ABSENT = Error "publish-secret-missing" "the login needs credentials, and the volume brings none";
    UNPROVEN = Warning "needs-allow-unproven" "the login does not prove the pod, so that the operator must allow it";
    DRIVER_AUDIENCE = Error "csidriver-audience" "the CSIDriver has no token made for the class's audience";
    DRIVER_POD_INFO = Error "csidriver-pod-info" "the CSIDriver does not say which pod asks";
    DRIVER_EPHEMERAL = Error "csidriver-ephemeral" "the CSIDriver has no ephemeral volumes";
    DRIVER_REPUBLISH = Warning "csidriver-no-refresh" "with this CSIDriver files are never refreshed";
    DRIVER_EXPIRY = Error "csidriver-token-life" "the API server refuses tokens that live so short";
    LIVE = Error "live" "the backend itself refused, or was not there";
    LIVE_WARNING = Warning "live-unasked" "the backend could not be asked everything";
}

/// Every rule, those of the backends included.
pub(super) fn all() -> Vec<Rule> {
    #[cfg(feature = "vault")]
    let of_vault = crate::backend::vault::RULES;
    #[cfg(not(feature = "vault"))]
    let of_vault = &[];
    #[cfg(feature = "aws")]
    let of_aws = crate::backend::aws::RULES;
    #[cfg(not(feature = "aws"))]
    let of_aws = &[];
    [OWN, of_vault, of_aws].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_slugs_and_each_is_one_rules() {
        let all = all();
        let ids: BTreeSet<_> = all.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), all.len());
        let slug = |id: &str| {
            id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        assert!(ids.iter().all(|id| slug(id)));
    }

    /// Whether a row of the page is of a backend that this build does not have.
    fn is_elsewhere(row: &str) -> bool {
        !cfg!(feature = "aws") && row.starts_with("| `aws-")
    }

    /// n of n: the page has every rule, with its severity and its sentence, and no other.
    #[test]
    fn every_rule_is_on_the_page() {
        let page = include_str!("../../../docs/check.md");
        for rule in all() {
            let severity = format!("{:?}", rule.severity).to_lowercase();
            let row = format!("| `{}` | {severity} | {} |", rule.id, rule.about);
            assert!(page.contains(&row), "docs/check.md lacks: {row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 4);
        let rows = rows
            .filter(|line| ["| error |", "| warning |", "| note |"].iter().any(|word| line.contains(word)));
        assert_eq!(rows.filter(|row| !is_elsewhere(row)).count(), all().len());
    }
}
