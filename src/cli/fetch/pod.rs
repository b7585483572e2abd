//! Who asks, as the driver would say it.

use crate::config::Names;
use crate::identity::{Pod, Said};

/// The name of what has none: a job's or a machine's token tells no pod.
const NAMELESS: &str = "fetch";
/// What Kubernetes calls the namespace and the service account of whoever names none.
const DEFAULT: &str = "default";

/// What somebody named; else what the token says; else the class's namespace, and names that say that there are none.
pub(in crate::cli) fn pod(named: &Names, said: Option<&Said>, class_namespace: Option<&str>) -> Pod {
    let said = said.and_then(|said| said.kubernetes.as_ref());
    let bound = said.and_then(|said| said.pod.as_ref());
    let first = |named: &Option<String>, said: Option<&String>, default: &str| {
        named.as_ref().or(said).map_or_else(|| default.to_owned(), Clone::clone)
    };
    let namespace = class_namespace.unwrap_or(DEFAULT);
    let name = first(&named.pod, bound.map(|pod| &pod.name), NAMELESS);
    Pod {
        namespace: first(&named.namespace, said.map(|said| &said.namespace), namespace),
        uid: first(&named.uid, bound.map(|pod| &pod.uid), &name),
        service_account: first(&named.service_account, said.map(|said| &said.serviceaccount.name), DEFAULT),
        name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(pod: &Pod) -> [&str; 4] {
        [&pod.namespace, &pod.name, &pod.uid, &pod.service_account]
    }

    #[test]
    fn names_win_over_the_token_and_the_token_over_defaults() {
        let said: Said = serde_json::from_value(json!({ "kubernetes.io": { "namespace": "n",
            "pod": { "name": "p", "uid": "u" }, "serviceaccount": { "name": "s", "uid": "x" } } }))
        .unwrap_or_else(|fault| unreachable!("{fault}"));
        let (nobody, some) = (Names::default(), |text: &str| Some(text.to_owned()));
        assert_eq!(names(&pod(&nobody, Some(&said), Some("c"))), ["n", "p", "u", "s"]);
        let named = Names { namespace: some("N"), pod: some("P"), ..Names::default() };
        assert_eq!(names(&pod(&named, Some(&said), None)), ["N", "P", "u", "s"]);
        assert_eq!(names(&pod(&nobody, None, Some("c"))), ["c", "fetch", "fetch", "default"]);
        assert_eq!(names(&pod(&named, None, None)), ["N", "P", "P", "default"]);
    }
}
