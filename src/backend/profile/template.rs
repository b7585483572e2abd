//! `{namespace}`, `{serviceAccount}` and `{pod}` in a profile's values.

use crate::identity::Pod;

/// The longest name of an object.
const MAX_NAME: usize = 253;
/// The longest label: a namespace is one.
const MAX_LABEL: usize = 63;

const NAMESPACE: &str = "namespace";
const SERVICE_ACCOUNT: &str = "serviceAccount";
const POD: &str = "pod";

/// A piece of a value.
enum Piece<'a> {
    Text(&'a str),
    /// A name in braces.
    Name(&'a str),
    /// A brace without its other.
    Odd,
}

/// What is wrong with a value's templates; `Ok` says whether there are any.
pub fn fault(text: &str) -> Result<bool, String> {
    let mut any = false;
    for piece in pieces(text) {
        match piece {
            Piece::Text(_) => {}
            Piece::Name(NAMESPACE | SERVICE_ACCOUNT | POD) => any = true,
            Piece::Name(name) => {
                return Err(format!(
                    "{{{name}}} is not known; there are {{{NAMESPACE}}}, {{{SERVICE_ACCOUNT}}} and {{{POD}}}"
                ));
            }
            Piece::Odd => return Err("a brace stands alone".into()),
        }
    }
    Ok(any)
}

/// Whether two pods' names can give one value: `{namespace}-{serviceAccount}` is `a-b-c` for two of them.
/// What stands between two names must hold something that the first cannot hold.
pub(super) fn is_ambiguous(text: &str) -> bool {
    let (mut before, mut between) = (None, "");
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => between = text,
            Piece::Name(name) => {
                let of_name = |byte: u8| {
                    let of_label = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                    of_label || (byte == b'.' && before != Some(NAMESPACE))
                };
                if before.is_some() && between.bytes().all(of_name) {
                    return true;
                }
                (before, between) = (Some(name), "");
            }
            Piece::Odd => {}
        }
    }
    false
}

/// The value for this pod. Its names come from the driver; one that no API server would have
/// taken could leave its place in a path, so it is refused.
pub(super) fn fill(text: &str, pod: &Pod) -> Result<String, &'static str> {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        filled.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Name(NAMESPACE) if is_label(&pod.namespace) => &pod.namespace,
            Piece::Name(NAMESPACE) => return Err("the pod's namespace is not a name that Kubernetes gives"),
            Piece::Name(SERVICE_ACCOUNT) if is_name(&pod.service_account) => &pod.service_account,
            Piece::Name(SERVICE_ACCOUNT) => {
                return Err("the pod's service account is not a name that Kubernetes gives");
            }
            Piece::Name(POD) if is_name(&pod.name) => &pod.name,
            Piece::Name(POD) => return Err("the pod's name is not a name that Kubernetes gives"),
            Piece::Name(_) | Piece::Odd => {
                return Err("the profile's value holds a brace that is no template");
            }
        });
    }
    Ok(filled)
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = match rest.find(['{', '}']) {
            None if rest.is_empty() => return None,
            None => (Piece::Text(rest), ""),
            Some(0) => match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some((name, after)) if !name.contains('{') => (Piece::Name(name), after),
                _ => (Piece::Odd, ""),
            },
            Some(at) => {
                let (before, after) = rest.split_at(at);
                (Piece::Text(before), after)
            }
        };
        rest = after;
        Some(piece)
    })
}

/// A DNS label (RFC 1123).
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS subdomain (RFC 1123): labels between dots. One of them may be longer than DNS allows.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(plain) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= MAX_NAME && text.split('.').all(is_part)
}
