//! The admin server: `/metrics`, `/livez`, `/readyz` for whoever reaches its
//! address, and `/sessions` for whoever may open its socket.

mod answers;
mod serve;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::net::{TcpListener, UnixStream};

pub use self::answers::Answers;
use self::serve::serve;
use crate::backend::Inventory;

/// A provider's name and what it keeps.
pub type Kept = (&'static str, Inventory);

/// Says whether the process should get traffic. Implemented by `app`.
pub trait Health: Send + Sync {
    /// Each provider's name, and whether its socket answers.
    fn providers(&self) -> BoxFuture<'_, Vec<(&'static str, bool)>>;
}

/// Says what is kept. Implemented by `app`.
pub trait Census: Send + Sync {
    /// Each provider's name and what it keeps, those that keep nothing included.
    fn inventories(&self) -> Vec<Kept>;
}

/// Who asks, as far as the way that was taken says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Anybody who reaches the address: other pods of the node, often.
    Address,
    /// Our own user or root, on this machine.
    Socket,
}

/// The admin server, bound.
pub struct Admin {
    listener: TcpListener,
    socket: BoxStream<'static, io::Result<UnixStream>>,
    answers: Arc<Answers>,
}

// === impl Admin ===

impl Admin {
    /// Binds `address`.
    pub async fn bind(address: SocketAddr, answers: Answers) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, socket: stream::pending().boxed(), answers: Arc::new(answers) })
    }

    /// Answers these connections of a private socket too. What is behind them goes when the serving ends.
    #[must_use]
    pub fn with_socket(
        self,
        connections: impl Stream<Item = io::Result<UnixStream>> + Send + 'static,
    ) -> Self {
        Self { socket: connections.boxed(), ..self }
    }

    /// The address that was bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `end`.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let listener = &self.listener;
        let address = stream::poll_fn(move |cx| {
            listener.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
        });
        // Each door has connections of its own: a crowd at the address does not keep the operator out.
        tokio::select! {
            () = end => {}
            () = serve(address, self.answers.clone(), Door::Address) => {}
            () = serve(self.socket, self.answers.clone(), Door::Socket) => {}
        }
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("listener", &self.listener).finish_non_exhaustive()
    }
}
