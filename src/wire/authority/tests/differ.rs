//! What must hold for whatever a driver's connection brings; asked by the property tests and by `fuzz/`.

#[cfg(feature = "fuzzing")]
use super::client::Form;
use super::client::{Call, Client};
use super::peer::requests;
use super::{Mended, Pieces, connection, mended};

/// h2 sees what was sent, but for the authority. The first call's is one that h2 refuses.
pub(crate) fn same_but_for_the_authority(calls: &[Call], sizes: &[usize]) {
    let mut client = Client::new();
    let frames: Vec<_> = calls.iter().map(|call| client.call(call)).collect();
    let sent = pieces(&connection(&frames), sizes);
    let (seen, failed) = requests(Mended::new(Pieces::new(sent.iter().map(Vec::as_slice), false)));
    assert!(failed.is_none(), "{failed:?}");
    assert_eq!(seen.len(), calls.len());
    for (seen, call) in seen.iter().zip(calls) {
        assert_eq!(&*seen.uri, "http://localhost/v1alpha1.CSIDriverProvider/Mount");
        let mut headers: Vec<_> =
            call.headers.iter().map(|(_, name, value)| (name.clone(), value.clone().into_bytes())).collect();
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(&seen.headers, &headers);
        assert_eq!((&*seen.method, seen.body), ("POST", 4));
    }
}

/// The same however the bytes are cut, and h2 ends well.
pub(crate) fn harmless(sent: &[u8], sizes: &[usize]) {
    let whole = mended([sent]);
    assert!(mended(pieces(sent, sizes).iter().map(Vec::as_slice)) == whole, "it depends on how it was cut");
    let _ = requests(Mended::new(Pieces::new([sent], false)));
}

pub(super) fn pieces(bytes: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let (mut left, mut pieces) = (bytes, Vec::new());
    for size in sizes.iter().cycle() {
        let (piece, rest) = left.split_at((*size).clamp(1, left.len().max(1)).min(left.len()));
        pieces.push(piece.to_vec());
        left = rest;
        if left.is_empty() {
            break;
        }
    }
    pieces
}

/// Calls as a fuzzer's bytes say: any headers, in any form, in any frames.
#[cfg(feature = "fuzzing")]
pub(crate) fn calls(bytes: &mut impl Iterator<Item = u8>) -> Vec<Call> {
    let count = 1 + next(bytes) % 7;
    (0..count).map(|at| call(bytes, at == 0)).collect()
}

#[cfg(feature = "fuzzing")]
fn call(bytes: &mut impl Iterator<Item = u8>, is_first: bool) -> Call {
    let authority = match (is_first, next(bytes) % 5) {
        (false, 0) => "localhost".to_owned(),
        (false, 1) => String::new(),
        (_, length) => format!("/{}.sock", "run/".repeat(length.into())),
    };
    // No more than a frame of the client can carry (16 KiB).
    let headers = (0..next(bytes) % 4).map(|_| header(bytes)).collect();
    let sizes = (0..next(bytes) % 3).map(|_| usize::from(next(bytes)) * 16).collect();
    let cuts = (0..next(bytes) % 5).map(|_| usize::from(next(bytes) % 101)).collect();
    let (padding, has_priority) = (next(bytes), next(bytes).is_multiple_of(2));
    Call { authority, headers, sizes, cuts, padding: (padding % 2 == 0).then_some(padding), has_priority }
}

#[cfg(feature = "fuzzing")]
fn header(bytes: &mut impl Iterator<Item = u8>) -> (Form, String, String) {
    let form = [Form::Index, Form::Indexing, Form::Plain, Form::Never][usize::from(next(bytes) % 4)];
    let letter = |byte: u8| char::from(b'a' + byte % 3);
    let name = format!("x-{}{}", letter(next(bytes)), letter(next(bytes)));
    let length = [0, 1, 40, 4100][usize::from(next(bytes) % 4)];
    let value = char::from(b'!' + next(bytes) % 94).to_string().repeat(length);
    (form, name, value)
}

/// A fuzzer's next byte; after the last one all are 0.
#[cfg(feature = "fuzzing")]
fn next(bytes: &mut impl Iterator<Item = u8>) -> u8 {
    bytes.next().unwrap_or_default()
}
