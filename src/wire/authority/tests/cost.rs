//! What the shim costs. Run by hand, optimised:
//! `cargo test --profile quick --lib wire::authority::tests::cost -- --ignored --nocapture`

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::UnixStream;

use super::captured::{hundred, old};
use super::{Mended, Pieces, connection, frame};
use crate::time::Stopwatch;

const ROUNDS: usize = 40;
const CALLS: u32 = 500;
const MOUNT: &[u8] = &[7; 2680];

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        // In a task of its own: a body only comes while the connection is polled.
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(data) = body.data().await {
                body.flow_control().release_capacity(data.unwrap().len()).unwrap();
            }
            respond.send_response(http::Response::new(()), true).unwrap();
        });
    }
}

/// The time of [`CALLS`] calls of a driver from v1.6.0 on, one after the other.
async fn calls<S>(wrap: impl FnOnce(UnixStream) -> S) -> Duration
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = tokio::spawn(serve(wrap(theirs)));
    let (mut client, driver) = h2::client::handshake(ours).await.unwrap();
    let driver = tokio::spawn(driver);
    let watch = Stopwatch::start();
    for _ in 0..CALLS {
        client = client.ready().await.unwrap();
        let request =
            http::Request::post("http://localhost/v1alpha1.CSIDriverProvider/Mount").body(()).unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(MOUNT), true).unwrap();
        answer.await.unwrap();
    }
    let elapsed = watch.elapsed();
    drop(client);
    driver.await.unwrap().unwrap();
    server.await.unwrap();
    elapsed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "its result")]
async fn of_a_connection_that_needs_no_mending() {
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (without, with) = (calls(|stream| stream).await, calls(Mended::new).await);
        ratios.push(with.as_secs_f64() / without.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let at = |part: usize| ratios[(ROUNDS - 1) * part / 4];
    println!("with / without: quartiles {:.3} {:.3} {:.3}", at(1), at(2), at(3));
}

async fn read(mut io: impl AsyncRead + Unpin) -> usize {
    let (mut buf, mut total) = (vec![0; 8192], 0);
    while let Ok(count @ 1..) = io.read(&mut buf).await {
        total += count;
    }
    total
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "its result")]
fn of_a_call_of_an_old_driver() {
    let mut calls = vec![connection(&[])];
    for (block, at) in hundred().iter().zip(0..) {
        calls.push([frame(1, 0x4, 2 * at + 1, block), frame(0, 1, 2 * at + 1, MOUNT)].concat());
    }
    let pieces = || Pieces::new(calls.iter().map(Vec::as_slice), true);
    let (mut with, mut without) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..100 {
        let (one, other) = (pieces(), Mended::new(pieces()));
        let watch = Stopwatch::start();
        assert!(read(one).now_or_never().unwrap() > old().len());
        without += watch.elapsed();
        let watch = Stopwatch::start();
        read(other).now_or_never().unwrap();
        with += watch.elapsed();
    }
    println!("a call: {:?} with, {:?} without", with / 10_000, without / 10_000);
}
