//! The name of a session, by which `CloudTrail` tells which pod it was.

use crate::identity::Pod;

/// The longest that STS takes.
const MAX: usize = 64;
/// What stands for what STS does not take.
const OTHER: char = '-';

/// `namespace-serviceaccount-pod` in the letters that STS takes. What is too long is cut
/// in front: the end of a pod's name tells it from its sisters.
pub(super) fn of(pod: &Pod) -> String {
    let whole = format!("{}-{}-{}", pod.namespace, pod.service_account, pod.name);
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "_=,.@-".contains(letter);
    let letters: Vec<char> = whole.chars().map(|letter| if legal(letter) { letter } else { OTHER }).collect();
    let cut = letters.len().saturating_sub(MAX);
    letters.into_iter().skip(cut).collect()
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
        assert!(long.len() == 64 && long.ends_with("-s-the-pods-own-name-x2x9z"), "{long}");
    }
}
