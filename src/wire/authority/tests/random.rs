//! For any headers, in any form, in any frames: h2 sees what was sent, but for the authority.

use proptest::collection::vec;
use proptest::prelude::*;

use super::captured::old;
use super::client::{Call, Client, Form};
use super::differ::{harmless, pieces, same_but_for_the_authority};
use super::{PREFACE, connection, frame, mended};

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Index), Just(Form::Indexing), Just(Form::Plain), Just(Form::Never)]
}

fn header() -> impl Strategy<Value = (Form, String, String)> {
    // Few names, so that they meet again in the table; values up to the whole of it.
    (form(), "x-[a-c]{1,2}", prop_oneof!["[!-~]{0,3}", "[!-~]{0,300}", "[a-z]{3000,4200}"])
}

fn call() -> impl Strategy<Value = Call> {
    let authority =
        prop_oneof![3 => "/[a-z/]{1,40}[.]sock", 1 => Just("localhost".to_owned()), 1 => Just(String::new())];
    let sizes = prop_oneof![3 => Just(Vec::new()), 1 => vec(0..=4096_usize, 1..3)];
    let split = (vec(0..=100_usize, 0..5), any::<Option<u8>>(), any::<bool>());
    (authority, vec(header(), 0..4), sizes, split).prop_map(|(authority, headers, sizes, split)| Call {
        authority,
        headers,
        sizes,
        cuts: split.0,
        padding: split.1,
        has_priority: split.2,
    })
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let first = ("/[a-z/]{1,40}[.]sock", call()).prop_map(|(authority, call)| Call { authority, ..call });
    (first, vec(call(), 0..6)).prop_map(|(first, mut calls)| {
        calls.insert(0, first);
        calls
    })
}

fn strange_frames() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![3 => Just(1_u8), 2 => Just(9_u8), 1 => 0..12_u8];
    let one = (kind, any::<u8>(), 0..4_u32, vec(any::<u8>(), 0..60));
    vec(one, 0..8).prop_map(|frames| {
        frames.into_iter().flat_map(|(kind, flags, stream, load)| frame(kind, flags, stream, &load)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn h2_sees_what_was_sent_but_for_the_authority(calls in calls(), sizes in vec(1..3000_usize, 1..5)) {
        same_but_for_the_authority(&calls, &sizes);
    }

    #[test]
    fn a_connection_that_begins_legally_is_not_touched(mut calls in calls(), sizes in vec(1..3000_usize, 1..5)) {
        "localhost".clone_into(&mut calls[0].authority);
        let mut client = Client::new();
        let frames: Vec<_> = calls.iter().map(|call| client.call(call)).collect();
        let sent = connection(&frames);
        let read = mended(pieces(&sent, &sizes).iter().map(Vec::as_slice));
        prop_assert!(read == sent);
    }

    /// The chance that garbage is a path as authority is none: a byte in a thousand million.
    #[test]
    fn garbage_passes_through(garbage in vec(any::<u8>(), 0..400), has_preface in any::<bool>()) {
        let mut sent = if has_preface { PREFACE.to_vec() } else { Vec::new() };
        sent.extend(garbage);
        prop_assert_eq!(mended([&*sent]), sent);
    }

    /// Strange frames, alone and behind an old driver's: the same however they are cut, and h2 ends well.
    #[test]
    fn strange_frames_do_no_harm(frames in strange_frames(), sizes in vec(1..90_usize, 1..5), is_old in any::<bool>()) {
        let begin = if is_old { old() } else { connection(&[]) };
        harmless(&[begin, frames].concat(), &sizes);
    }

    /// An old driver's bytes with some of them changed.
    #[test]
    fn changed_bytes_do_no_harm(changes in vec((0..3000_usize, any::<u8>()), 1..6), sizes in vec(1..900_usize, 1..5)) {
        let mut sent = old();
        for (at, byte) in changes {
            sent[at] = byte;
        }
        harmless(&sent, &sizes);
    }
}
