//! The gRPC service: unpack, call the use case, pack.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::proto::csi_driver_provider_server::{CsiDriverProvider, CsiDriverProviderServer};
use super::proto::{MountRequest, MountResponse, VersionRequest, VersionResponse};
use super::{Guard, deadline, request, response, status};
use crate::error::Errors;
use crate::mount::{Mount, Mounts};
use crate::time::Deadline;

/// The protocol's version, which the driver sends and expects.
const PROTOCOL: &str = "v1alpha1";
/// The largest request: a class and its pod's attributes are objects in etcd, 1.5 MiB each at most.
const MAX_REQUEST: usize = 4 * 1024 * 1024;

/// Answers the driver for one provider.
#[derive(Debug)]
pub struct Service {
    mounts: Arc<Mounts>,
    guard: Guard,
    max_response: usize,
}

/// The service as tonic serves it.
pub fn server(service: Service) -> CsiDriverProviderServer<Service> {
    CsiDriverProviderServer::new(service).max_decoding_message_size(MAX_REQUEST)
}

// === impl Service ===

impl Service {
    /// Answers with `mounts`; no answer is larger than `max_response` bytes encoded.
    pub fn new(mounts: Arc<Mounts>, guard: Guard, max_response: usize) -> Self {
        Self { mounts, guard, max_response }
    }

    async fn answer(&self, mount: Mount, by: Deadline) -> Result<MountResponse, Errors> {
        let mounts = self.mounts.clone();
        let answer = self.guard.run(by, move |by| async move { mounts.mount(mount, by).await }).await?;
        let (response, receipt) = response::build(answer, self.max_response)?;
        receipt.keep();
        Ok(response)
    }
}

#[tonic::async_trait]
impl CsiDriverProvider for Service {
    /// Without any I/O: a slow answer stalls other providers' mounts (docs/driver-contract.md, 1.7).
    async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        Ok(Response::new(VersionResponse {
            version: PROTOCOL.into(),
            runtime_name: env!("CARGO_PKG_NAME").into(),
            runtime_version: env!("CARGO_PKG_VERSION").into(),
        }))
    }

    async fn mount(&self, request: Request<MountRequest>) -> Result<Response<MountResponse>, Status> {
        let by = Deadline::after(deadline::allowed(request.metadata()));
        let mount = request::parse(request.into_inner()).map_err(|errors| {
            self.mounts.malformed(&errors);
            status::status(&errors)
        })?;
        self.answer(mount, by).await.map(Response::new).map_err(|errors| status::status(&errors))
    }
}
