//! A client's connection as drivers before v1.6.0 have it: its `:authority` is the socket's path, which no
//! client library in Rust can be told to send. What one sends is therefore encoded again on its way.

use std::io;
use std::path::{Path, PathBuf};

use loona_hpack::{Decoder, Encoder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;

const PREFACE: usize = 24;
const HEADERS: u8 = 1;
const END_HEADERS: u8 = 0x4;
const PRIORITY_OR_PADDED: u8 = 0x28;

/// Connects; the answer is the client's end.
pub(super) async fn connect(socket: PathBuf) -> io::Result<DuplexStream> {
    let (mut from_server, to_server) = UnixStream::connect(&socket).await?.into_split();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (from_client, mut to_client) = tokio::io::split(theirs);
    tokio::spawn(relay(from_client, to_server, socket));
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    Ok(ours)
}

async fn relay(
    mut client: tokio::io::ReadHalf<DuplexStream>,
    mut server: OwnedWriteHalf,
    socket: PathBuf,
) -> io::Result<()> {
    let (mut decoder, mut encoder) = (Decoder::new(), Encoder::new());
    let mut preface = [0; PREFACE];
    client.read_exact(&mut preface).await?;
    server.write_all(&preface).await?;
    loop {
        let mut head = [0; 9];
        client.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        client.read_exact(&mut payload).await?;
        if head[3] == HEADERS {
            assert_eq!(head[4] & (END_HEADERS | PRIORITY_OR_PADDED), END_HEADERS, "h2 sends plain ones");
            payload = with_path(&mut decoder, &mut encoder, &payload, &socket);
            let size = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
            head[..3].copy_from_slice(&size[1..]);
        }
        server.write_all(&[&head[..], &payload].concat()).await?;
    }
}

/// The block again, each header entered into the table as grpc-go does it.
fn with_path(decoder: &mut Decoder<'_>, encoder: &mut Encoder<'_>, block: &[u8], socket: &Path) -> Vec<u8> {
    let path = socket.display().to_string();
    let mut headers = decoder.decode(block).expect("a block of h2's");
    for (name, value) in &mut headers {
        if name == b":authority" {
            *value = path.clone().into_bytes();
        }
    }
    encoder.encode(headers.iter().map(|(name, value)| (&name[..], &value[..])))
}
