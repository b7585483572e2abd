//! A server's words, fit to print: they go into pod events, and a server (or
//! what stands in front of it) may echo what it was sent.

/// What stands for what was taken out.
const GONE: &str = "[redacted]";
/// No word of a message is this long; keys and encoded tokens are.
const LONG: usize = 64;
/// Shorter parts of a secret are not looked for: they would hit ordinary words.
const SHORT: usize = 8;

/// `text` without any of `secrets`, without their parts, and without whatever
/// looks like a token, known or not.
pub fn redact(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        for part in std::iter::once(*secret).chain(secret.split('.')).filter(|part| part.len() >= SHORT) {
            text = text.replace(part, GONE);
        }
    }
    words(&text)
}

/// Takes token-like words out.
fn words(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter| !of_word(letter)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        clean.push_str(if token_like(word) { GONE } else { word });
        let gap = tail.find(of_word).unwrap_or(tail.len());
        let (between, after) = tail.split_at(gap);
        clean.push_str(between);
        rest = after;
    }
    clean
}

const fn of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '+' | '%')
}

fn token_like(word: &str) -> bool {
    let within = |mark: &str| word.split_once(mark).is_some_and(|(_, rest)| rest.len() >= SHORT);
    let starts = |mark: &str| word.strip_prefix(mark).is_some_and(|rest| rest.len() >= 20);
    // A JWT or a segment of it; Vault's tokens, new and old; anything too long to be a word.
    ["eyJ", "hvs.", "hvb.", "hvr."].into_iter().any(within)
        || ["s.", "b.", "r."].into_iter().any(starts)
        || word.split('.').any(|part| part.len() >= LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3ZWIifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";

    #[test]
    fn what_was_sent_does_not_come_back() {
        for (said, expected) in [
            (format!("bad token {JWT}!"), "bad token [redacted]!".to_owned()),
            (format!("\"{JWT}\""), "\"[redacted]\"".to_owned()),
            ("sig c2lnbmF0dXJlLW9mLXRoZS10b2tlbg,".to_owned(), "sig [redacted],".to_owned()),
            ("payload eyJzdWIiOiJ3ZWIifQ".to_owned(), "payload [redacted]".to_owned()),
        ] {
            assert_eq!(redact(&said, &[JWT]), expected);
        }
    }

    #[test]
    fn what_looks_like_a_token_goes_too() {
        for token in [
            JWT,
            "jwt%3DeyJhbGciOiJFUzI1NiJ9",
            "hvs.CAESIJ2Vwqkz",
            "hvb.AAAAAQKr12345678",
            "s.bao2PhPabcdefghijklmno",
            "b.AAAAAQKr1234567890123456",
            &"a1".repeat(40),
            "s.2PhPxxxxxxxxxxxxxxxxmxNo8.pTw4XZ",
        ] {
            assert_eq!(redact(&format!("x={token}: no"), &[]), "x=[redacted]: no", "{token}");
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "1 error occurred:\n\t* permission denied\n\n",
            "error validating claims: claim \"/kubernetes.io/namespace\" does not match",
            "request path \"secret/data/ns/app/x\": rate limit quota exceeded",
            "dial tcp 10.0.0.1:5432: connect: connection refused",
            "v-kubernet-readonly-abcdefghijklmnopqrst-1795495655 ürgent",
            "",
        ] {
            assert_eq!(redact(text, &["short", JWT]), text);
        }
    }
}
