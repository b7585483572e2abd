//! What somebody may have meant.

use strsim::osa_distance;

/// The word of `words` that is nearest to `word`, if it is near enough.
pub(super) fn near<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let flat = |text: &str| text.to_ascii_lowercase().replace(['-', '_', '.'], "");
    let wanted = flat(word);
    let most = (wanted.chars().count() / 4).max(1);
    let distances = words.into_iter().map(|known| (osa_distance(&wanted, &flat(known)), known));
    distances
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The same behind another prefix, if that is one of `words`.
pub(super) fn renamed<'a>(word: &str, prefixes: &[&str], words: &'a [String]) -> Option<&'a str> {
    let stem =
        prefixes.iter().find_map(|prefix| word.strip_prefix(prefix)).filter(|stem| !stem.is_empty())?;
    let same = |known: &&String| prefixes.iter().any(|prefix| known.strip_prefix(prefix) == Some(stem));
    words.iter().find(same).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let words = ["roleName", "vaultAddress", "objects", "secretPath", "secretKey"];
        for (word, meant) in [
            ("rolename", Some("roleName")),
            ("role_name", Some("roleName")),
            ("vaultAdress", Some("vaultAddress")),
            ("object", Some("objects")),
            ("secretpaht", Some("secretPath")),
            ("role", None),
            ("namespace", None),
            ("x", None),
        ] {
            assert_eq!(near(word, words), meant, "{word}");
        }
        let words = ["vaultAddress".to_owned(), "roleName".to_owned()];
        assert_eq!(renamed("baoAddress", &["bao", "vault"], &words), Some("vaultAddress"));
        assert_eq!(renamed("baoRole", &["bao", "vault"], &words), None);
    }
}
