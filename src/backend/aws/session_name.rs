//! The name of a session, by which `CloudTrail` tells which pod it was.

use aws_lc_rs::digest::{SHA256, digest};

use crate::identity::Pod;

/// The longest that STS takes.
const MAX: usize = 64;
/// What stands for what STS does not take.
const OTHER: char = '-';

/// How much of the namespace stays where the whole is too long.
const NAMESPACE: usize = 30;

/// `namespace-serviceaccount-pod` in the letters that STS takes. What is too long keeps the
/// namespace in front, for nobody may be taken for another's pod, then a hash of the whole, then
/// the end of the pod's name, which tells it from its sisters.
pub(super) fn of(pod: &Pod) -> String {
    let whole = legal(&format!("{}-{}-{}", pod.namespace, pod.service_account, pod.name));
    if whole.len() <= MAX {
        return whole;
    }
    let namespace: String = legal(&pod.namespace).chars().take(NAMESPACE).collect();
    let sum = digest(&SHA256, format!("{}/{}/{}", pod.namespace, pod.service_account, pod.name).as_bytes());
    let sum: String = hex::encode(sum).chars().take(8).collect();
    let head = format!("{namespace}-{sum}-");
    let name = legal(&pod.name);
    // Every letter is one byte by now.
    let cut = name.len().saturating_sub(MAX.saturating_sub(head.len()));
    head + &name.chars().skip(cut).collect::<String>()
}

fn legal(text: &str) -> String {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || "_=,.@-".contains(letter);
    text.chars().map(|letter| if is_legal(letter) { letter } else { OTHER }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(namespace: &str, account: &str, name: &str) -> String {
        let [namespace, service_account, name] = [namespace, account, name].map(str::to_owned);
        of(&Pod { namespace, name, uid: String::new(), service_account })
    }

    #[test]
    fn it_names_the_pod_in_letters_that_sts_takes() {
        assert_eq!(named("shop", "web", "web-7d4b9c-x2x9z"), "shop-web-web-7d4b9c-x2x9z");
        assert_eq!(named("a b", "c/d", "é"), "a-b-c-d--");
        let long = named(&"n".repeat(63), "s", "the-pods-own-name-x2x9z");
        let head = "n".repeat(30);
        assert!(long.starts_with(&head) && long.ends_with("-the-pods-own-name-x2x9z"), "{long}");
        assert!(long.len() <= 64 && long != named(&("n".repeat(62) + "m"), "s", "the-pods-own-name-x2x9z"));
        // A pod's name cannot stand for another namespace.
        let name = "payments-api-api-7d4b9c6f5d-x2x9z-and-so-on-until-it-is-full-abc";
        let forged = named("evil", "s", name);
        assert!(forged.len() == 64 && forged.starts_with("evil-"), "{forged}");
    }
}
