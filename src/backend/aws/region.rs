//! Names of regions. They become a part of host names, so what is no label of one
//! is refused: `region: x@evil.example/` would send a signed request there.

/// The longest name; a label of DNS is no longer.
const MAX: usize = 63;

/// What is wrong with a region's name.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    let bare = !name.starts_with('-') && !name.ends_with('-') && !name.is_empty() && name.len() <= MAX;
    let good = bare && name.bytes().all(plain);
    (!good).then_some("not the name of a region, such as eu-central-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_one_label_of_a_host_name() {
        for good in ["eu-central-1", "us-gov-west-1", "cn-north-1", "mars1"] {
            assert_eq!(fault(good), None, "{good}");
        }
        let long = "a".repeat(64);
        for bad in
            ["", " eu-west-1", "eu-west-1.evil", "x@y", "a/b", "EU-WEST-1", "-a", "a-", "ä", "a\n", &long]
        {
            assert!(fault(bad).is_some(), "{bad:?}");
        }
    }
}
