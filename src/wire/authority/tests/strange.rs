//! Large, malformed and hostile blocks: h2 answers for them, and nothing grows without bound.

use super::super::block::MAX_HELD;
use super::super::walk::Walk;
use super::client::{Call, Client, Form};
use super::peer::requests;
use super::{Mended, PATH, Pieces, connection, frame, mended};

fn call(authority: &str, size: usize) -> Call {
    Call {
        authority: authority.to_owned(),
        headers: vec![(Form::Indexing, "x-large".to_owned(), "v".repeat(size))],
        sizes: Vec::new(),
        cuts: Vec::new(),
        padding: None,
        has_priority: false,
    }
}

fn cut(cuts: Vec<usize>, call: Call) -> Call {
    Call { cuts, ..call }
}

/// The size of a frame is h2's to count, too: 16384, and h2 takes header lists to 16 MiB by default.
#[test]
fn a_block_over_one_frame_is_written_in_several() {
    let sent = connection(&[Client::new().call(&cut(vec![40, 80], call(PATH, 30_000)))]);
    let (seen, failed) = requests(Mended::new(Pieces::new([&*sent], false)));
    assert!(failed.is_none(), "{failed:?}");
    assert_eq!(seen.iter().map(|seen| seen.headers[0].1.len()).collect::<Vec<_>>(), [30_000]);
}

#[test]
fn what_is_too_large_goes_on_as_it_came() {
    let mut client = Client::new();
    for large in [cut(vec![40, 80], call(PATH, 34_000)), cut(vec![20, 40, 60, 80], call(PATH, 70_000))] {
        let sent = connection(&[client.call(&large), client.call(&call(PATH, 10))]);
        assert!(mended([&*sent]) == sent);
    }
}

/// A few bytes of indexes that say 60 MB.
#[test]
fn a_block_that_unfolds_is_not_kept() {
    let mut client = Client::new();
    let first = client.call(&call(PATH, 3900));
    let bomb = frame(1, 0x5, 3, &[0xbe; 15_000]);
    let sent = connection(&[first, bomb.clone()]);
    let read = mended([&*sent]);
    assert!(read.ends_with(&bomb), "passed on");
    assert!(read.len() < sent.len() + 100);
}

#[test]
fn a_flood_of_continuations_is_held_back_up_to_the_bound_only() {
    for part in [&b""[..], &[0x82; 100], &[0x82; 16_384]] {
        let mut walk = Walk::default();
        let mut out = bytes::BytesMut::new();
        let mut sent = connection(&[frame(1, 0, 1, &[0x82])]);
        for _ in 0..10_000 {
            sent.extend(frame(9, 0, 1, part));
            if sent.len() > 4 * MAX_HELD {
                break;
            }
        }
        let passed = walk.skim(&sent);
        walk.feed(&sent[passed..], &mut out);
        assert!(walk.is_aside(), "{}", part.len());
        assert!(sent.len() == passed + out.len());
    }
}

/// RUSTSEC-2023-0085 of the decoder's ancestor: half an integer.
#[test]
fn malformed_blocks_go_on_as_they_came_and_h2_answers() {
    for block in [
        &[0x3f][..],
        &[0xff],
        &[0x80],
        &[0x41, 0xff],
        &[0x3f, 0xe2, 0x1f],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        let mut client = Client::new();
        for calls in [vec![], vec![client.call(&call(PATH, 9))]] {
            let last = frame(1, 0x5, 9, block);
            let sent = connection(&[calls.concat(), last.clone()]);
            assert!(mended([&*sent]).ends_with(&last));
            let (_, failed) = requests(Mended::new(Pieces::new([&*sent], false)));
            assert!(failed.is_some(), "{block:02x?}");
        }
    }
}

#[test]
fn frames_out_of_turn_go_on_as_they_came() {
    let open = frame(1, 0x1, 1, &[0x83, 0x86]);
    for next in [
        frame(0, 0, 1, b"data"),
        frame(9, 0x4, 3, &[0x84]),
        frame(1, 0x5, 3, &[0x84]),
        frame(6, 0, 0, &[0; 8]),
        frame(9, 0x4, 1, &vec![0; 16_385]),
    ] {
        let sent = connection(&[open.clone(), next]);
        assert!(mended([&*sent]) == sent);
    }
    for alone in [
        frame(9, 0x4, 1, &[0x84]),
        frame(5, 0x4, 1, &[0; 5]),
        frame(1, 0x5, 0, &[0x84]),
        frame(1, 0xd, 1, &[9, 1]),
    ] {
        let sent = connection(&[alone]);
        assert!(mended([&*sent]) == sent);
    }
}

#[test]
fn a_connection_cut_short_is_read_to_its_last_byte() {
    let sent = connection(&[Client::new().call(&call(PATH, 9))]);
    for end in 0..60 {
        assert_eq!(mended([&sent[..end]]), sent[..end], "{end}");
    }
}
