//! The driver's view of a socket: whether `Version` is answered there, and by us.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::Endpoint;

use super::proto::VersionRequest;
use super::proto::csi_driver_provider_client::CsiDriverProviderClient;
use super::service::{NAME, PROTOCOL};

/// How long it may take. It needs no backend; the kubelet's probe waits for a few seconds.
const LIMIT: Duration = Duration::from_secs(1);

/// Calls `Version` over the socket at `path`, as the driver does. A connection alone proves nothing:
/// the kernel makes it for a process that answers no more.
pub async fn answers(path: &Path) -> bool {
    tokio::time::timeout(LIMIT, ask(path)).await.ok().flatten().is_some_and(|name| name == NAME)
}

async fn ask(path: &Path) -> Option<String> {
    let path: Arc<Path> = path.into();
    let connect = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector(connect).await.ok()?;
    let request = VersionRequest { version: PROTOCOL.into() };
    let answer = CsiDriverProviderClient::new(channel).version(request).await.ok()?;
    Some(answer.into_inner().runtime_name)
}

#[cfg(test)]
mod tests {
    use hyper::server::conn::http2;
    use hyper_util::rt::TokioExecutor;
    use hyper_util::service::TowerToHyperService;
    use tokio::net::UnixListener;
    use tonic::{Request, Response, Status};

    use super::*;
    use crate::time::Stopwatch;
    use crate::wire::proto::csi_driver_provider_server::{CsiDriverProvider, CsiDriverProviderServer};
    use crate::wire::proto::{MountRequest, MountResponse, VersionResponse};

    /// A provider of this name.
    struct Named(&'static str);

    #[tonic::async_trait]
    impl CsiDriverProvider for Named {
        async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
            Ok(Response::new(VersionResponse { runtime_name: self.0.into(), ..VersionResponse::default() }))
        }

        async fn mount(&self, _: Request<MountRequest>) -> Result<Response<MountResponse>, Status> {
            Err(Status::unimplemented("not asked"))
        }
    }

    fn listen() -> (tempfile::TempDir, std::path::PathBuf, UnixListener) {
        let Ok(dir) = tempfile::tempdir() else { unreachable!("a temporary folder") };
        let path = dir.path().join("vault.sock");
        let Ok(listener) = UnixListener::bind(&path) else { unreachable!("the folder is writable") };
        (dir, path, listener)
    }

    async fn asked(name: &'static str) -> bool {
        let (_dir, path, listener) = listen();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(CsiDriverProviderServer::new(Named(name)));
                let http = http2::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            }
        });
        let answered = answers(&path).await;
        serving.abort();
        answered
    }

    #[tokio::test]
    async fn our_name_is_an_answer_and_anothers_is_none() {
        assert!(asked("keymount").await);
        assert!(!asked("another-provider").await);
    }

    #[tokio::test]
    async fn who_takes_connections_and_says_nothing_is_given_up_in_time() {
        let (_dir, path, listener) = listen();
        let watch = Stopwatch::start();
        assert!(UnixStream::connect(&path).await.is_ok(), "the kernel connects");
        assert!(!answers(&path).await);
        assert!(watch.elapsed() < 2 * LIMIT);
        drop(listener);
    }

    #[tokio::test]
    async fn nobody_is_no_answer() {
        let (_dir, path, listener) = listen();
        drop(listener);
        assert!(!answers(&path).await, "a stale file");
        assert!(!answers(Path::new("/nonexistent/vault.sock")).await);
    }
}
