//! What real drivers sent (tests/fixtures/README.md).

use super::peer::{Seen, requests};
use super::{Mended, PATH, Pieces, connection, frame, mended};

const OLD: &str = include_str!("../../../../tests/fixtures/old-driver-http2/v1.5.6-three-calls.hex");
const NEW: &str = include_str!("../../../../tests/fixtures/old-driver-http2/v1.6.0-two-calls.hex");
const BLOCKS: &str =
    include_str!("../../../../tests/fixtures/old-driver-http2/v1.5.6-hundred-header-blocks.txt");
const MOUNT: &str = "http://localhost/v1alpha1.CSIDriverProvider/Mount";

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.split_whitespace().collect::<String>()).unwrap()
}

pub(super) fn old() -> Vec<u8> {
    bytes(OLD)
}

/// The header blocks of a hundred calls of one connection.
fn hundred() -> Vec<Vec<u8>> {
    BLOCKS.lines().map(|line| bytes(line.split(' ').next().unwrap())).collect()
}

fn seen(bytes: &[u8]) -> Vec<Seen> {
    let (seen, failed) = requests(Mended::new(Pieces::new([bytes], false)));
    assert!(failed.is_none(), "{failed:?}");
    seen
}

#[test]
fn h2_alone_resets_every_stream_of_an_old_driver() {
    let (seen, _) = requests(Pieces::new([&*old()], false));
    assert_eq!(seen, []);
}

#[test]
fn an_old_drivers_calls_reach_h2_with_a_legal_authority_and_nothing_else_changed() {
    let calls = seen(&old());
    assert_eq!(calls.iter().map(|call| &*call.uri).collect::<Vec<_>>(), [MOUNT; 3]);
    assert!(calls.iter().all(|call| call.method == "POST"));
    assert_eq!(calls.iter().map(|call| call.body).collect::<Vec<_>>(), [2680, 2622, 503]);
    let timeouts: Vec<_> = calls.iter().map(|call| call.header("grpc-timeout")).collect();
    assert_eq!(timeouts, [Some("119556m"), None, Some("119716m")]);
    for call in &calls {
        assert_eq!(call.header("user-agent"), Some("grpc-go/1.56.3"));
        assert_eq!(call.header("content-type"), Some("application/grpc"));
        assert_eq!(call.header("te"), Some("trailers"));
    }
}

#[test]
fn a_new_drivers_bytes_are_not_touched() {
    let sent = bytes(NEW);
    assert_eq!(mended([&*sent]), sent);
    assert_eq!(seen(&sent).len(), 2);
}

/// In call 73 the authority has been evicted from the table and comes as a literal again.
#[test]
fn a_hundred_calls_of_one_connection() {
    let blocks = hundred();
    let frames: Vec<_> = blocks.iter().zip(0..).map(|(block, at)| frame(1, 0x5, 2 * at + 1, block)).collect();
    let calls = seen(&connection(&frames));
    assert_eq!(calls.len(), 100);
    let mut timeouts: Vec<_> = calls.iter().filter_map(|call| call.header("grpc-timeout")).collect();
    assert!(calls.iter().all(|call| call.uri == MOUNT && call.header("te") == Some("trailers")));
    timeouts.dedup();
    assert!(timeouts.len() > 90, "each call has a time of its own: {timeouts:?}");
}

/// Wherever a read ends, what is read behind the shim is the same.
#[test]
fn cut_at_every_boundary_and_into_single_bytes() {
    let sent = old();
    let whole = mended([&*sent]);
    assert!(!whole.windows(PATH.len()).any(|window| window == PATH.as_bytes()));
    assert_eq!(mended(sent.chunks(1)), whole);
    // Inside the bodies nothing is decided; their edges, and all else, are tried.
    let is_body = |at: usize| [190..2850, 2940..5544, 5650..6120].iter().any(|body| body.contains(&at));
    for at in (0..sent.len()).filter(|at| !is_body(*at)) {
        let (one, other) = sent.split_at(at);
        assert!(mended([one, other]) == whole, "cut at {at}");
    }
    let new = bytes(NEW);
    for at in 0..200 {
        assert!(mended([&new[..at], &new[at..]]) == new, "cut at {at}");
    }
}
