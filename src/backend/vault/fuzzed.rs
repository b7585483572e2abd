//! What must hold for any answer of a server and any path of a class; asked by the property tests and by `fuzz/`.

use super::envelope::Envelope;
use super::path::Path;

/// Read or refused; the same answer gives the same bytes, and those are read again as they are.
pub(crate) fn envelope(body: &[u8]) {
    let read = || {
        Envelope::parse(&body.to_vec().into()).map(|envelope| {
            let texts = (envelope.texts("errors").len(), envelope.texts("warnings").len());
            let _ =
                (envelope.data().is_some(), envelope.metadata().is_some(), envelope.auth().is_some(), texts);
            let _ = (
                envelope.lease_id().is_some(),
                envelope.seconds("lease_duration"),
                envelope.flag("renewable"),
            );
            envelope.whole("path").bytes().to_vec()
        })
    };
    let whole = read();
    assert_eq!(whole, read());
    if let Some(whole) = whole {
        let again = Envelope::parse(&whole.clone().into());
        let again = again.map(|envelope| envelope.whole("path").bytes().to_vec());
        assert_eq!(again, Some(whole), "what is written into a file is an answer of the same shape");
    }
}

/// What passes stays under `/v1/`, needs no cleaning on the way, and is itself again.
pub(crate) fn path(text: &str) {
    let Ok(path) = Path::parse(text) else { return };
    let bare = path.sent.split('?').next().unwrap_or_default();
    assert!(bare.starts_with("/v1/") && bare.is_ascii(), "{bare}");
    let mut parts = bare.split('/').skip(1);
    assert!(!parts.any(|part| part.is_empty() || part == "." || part == ".."), "{bare}");
    assert!(!path.sent.contains(['#', ' ', '\0', '\r', '\n']), "{}", path.sent);
    if path.shown.len() <= 4096 && !path.shown.starts_with("v1/") {
        assert_eq!(Path::parse(&path.shown), Ok(path));
    }
}
