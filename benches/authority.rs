//! What the shim for old drivers costs: a connection that needs none, with it and
//! without, in turn; and a call of an old driver. `make bench`.
#![allow(
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench: a broken set-up must end it where it broke"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use keymount::wire::Mended;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::UnixStream;

const ROUNDS: usize = 40;
const CALLS: u32 = 500;
/// As large as a real Mount's request.
const MOUNT: &[u8] = &[7; 2680];
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The header blocks of a hundred calls of one connection of the driver v1.5.6.
const BLOCKS: &str = include_str!("../tests/fixtures/old-driver-http2/v1.5.6-hundred-header-blocks.txt");

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (without, with) = (calls(|stream| stream).await, calls(Mended::new).await);
        ratios.push(with.as_secs_f64() / without.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let at = |part: usize| ratios[(ROUNDS - 1) * part / 4];
    println!("a new driver's call, with / without: quartiles {:.3} {:.3} {:.3}", at(1), at(2), at(3));
    let (with, without) = old_calls().await;
    println!("an old driver's call: {with:?} with, {without:?} without");
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
    let watch = Instant::now();
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

/// The time of one of a hundred calls, as they were captured, with the shim and without.
async fn old_calls() -> (Duration, Duration) {
    let mut bytes = [PREFACE, &frame(4, 0, 0, &[])].concat();
    for (line, at) in BLOCKS.lines().zip(0..) {
        let block = hex::decode(line.split(' ').next().unwrap()).unwrap();
        bytes.extend(frame(1, 0x4, 2 * at + 1, &block));
        bytes.extend(frame(0, 1, 2 * at + 1, MOUNT));
    }
    let (mut with, mut without) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..100 {
        let watch = Instant::now();
        assert_eq!(read(bytes.as_slice()).await, bytes.len());
        without += watch.elapsed();
        let watch = Instant::now();
        assert_ne!(read(Mended::new(bytes.as_slice())).await, bytes.len(), "it mends");
        with += watch.elapsed();
    }
    (with / 10_000, without / 10_000)
}

async fn read(mut io: impl AsyncRead + Unpin) -> usize {
    let (mut buf, mut total) = (vec![0; 8192], 0);
    while let Ok(count @ 1..) = io.read(&mut buf).await {
        total += count;
    }
    total
}

/// A frame of RFC 9113, 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
