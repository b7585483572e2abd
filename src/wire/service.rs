//! The gRPC service: unpack, call the use case, pack.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::delivery::Delivery;
use super::proto::csi_driver_provider_server::{CsiDriverProvider, CsiDriverProviderServer};
use super::proto::{MountRequest, MountResponse, VersionRequest, VersionResponse};
use super::report::Pending;
use super::{Guard, deadline, request, response, status};
use crate::error::Errors;
use crate::mount::{Mount, Mounts, Receipt};
use crate::time::Deadline;

/// The protocol's version, which the driver sends and expects.
pub(super) const PROTOCOL: &str = "v1alpha1";
/// Our name in `Version`.
pub(super) const NAME: &str = env!("CARGO_PKG_NAME");
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
pub(super) fn server(service: Service) -> CsiDriverProviderServer<Service> {
    CsiDriverProviderServer::new(service).max_decoding_message_size(MAX_REQUEST)
}

// === impl Service ===

impl Service {
    /// Answers with `mounts`; no answer is larger than `max_response` bytes encoded.
    pub fn new(mounts: Arc<Mounts>, guard: Guard, max_response: usize) -> Self {
        Self { mounts, guard, max_response }
    }

    /// The answer, recorded and logged as it is sent.
    async fn answer(&self, message: MountRequest, by: Deadline) -> Result<(MountResponse, Receipt), Errors> {
        let mount = request::parse(message).map(|mount| self.mounts.named(mount));
        let pending = Pending::new(&self.mounts, mount.as_ref().map(Mount::who).unwrap_or_default());
        let result = match mount {
            Ok(mount) => self.mounted(mount, by).await,
            Err(errors) => Err(errors),
        };
        let objects = |(response, _): &(MountResponse, Receipt)| {
            response.object_version.iter().map(|object| object.id.as_str()).collect::<Vec<_>>().join(",")
        };
        pending.sent(result.as_ref().map(objects));
        result
    }

    async fn mounted(&self, mount: Mount, by: Deadline) -> Result<(MountResponse, Receipt), Errors> {
        let (mounts, most) = (self.mounts.clone(), self.max_response);
        let work = move |by| async move { response::build(mounts.mount(&mount, by).await?, most) };
        self.guard.run(by, work).await
    }
}

#[tonic::async_trait]
impl CsiDriverProvider for Service {
    /// Without any I/O: a slow answer stalls other providers' mounts (docs/driver-contract.md, 1.7).
    async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        Ok(Response::new(VersionResponse {
            version: PROTOCOL.into(),
            runtime_name: NAME.into(),
            runtime_version: env!("CARGO_PKG_VERSION").into(),
        }))
    }

    async fn mount(&self, request: Request<MountRequest>) -> Result<Response<MountResponse>, Status> {
        let by = Deadline::after(deadline::allowed(request.metadata()));
        match self.answer(request.into_inner(), by).await {
            Ok((message, receipt)) => {
                let mut response = Response::new(message);
                response.extensions_mut().insert(Delivery::new(receipt));
                Ok(response)
            }
            Err(errors) => Err(status::status(&errors)),
        }
    }
}
