//! The driver's protocol: the only room that knows protobuf and gRPC codes.
//!
//! Layers, outside in: final codes, deadline, queue, the handler in a task of
//! its own (decision 8).

#[cfg(not(feature = "fuzzing"))]
mod authority;
#[cfg(feature = "fuzzing")]
pub(crate) mod authority;
mod connections;
mod deadline;
mod delivery;
mod dial;
mod final_codes;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod guard;
mod report;
mod request;
mod response;
mod service;
mod socket;
mod status;

pub use authority::Mended;
pub use connections::serve;
pub use dial::answers;
pub use guard::Guard;
pub use service::Service;
pub use socket::{Bound, Socket, is_free};
pub use status::code;

/// The generated protocol. Its request, response and file have no `Debug`: they hold tokens and secrets.
#[expect(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod proto {
    tonic::include_proto!("v1alpha1");
}
