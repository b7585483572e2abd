//! The harness of the integration tests: it starts the real programs that `tests/parts/build.sh` gathered
//! (OpenBao, a kube-apiserver, the CSI driver, PostgreSQL) and plays the parts that nothing real plays here,
//! the kubelet above all. A `start` that answers `None` has already said which part is missing.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: each binary uses a part of it, and a broken set-up must end the test where it broke"
)]

#[cfg(feature = "aws")]
pub mod aws;
pub mod bao;
pub mod bao_proxy;
pub mod bao_setup;
pub mod certs;
pub mod cluster;
pub mod csi;
pub mod csi_messages;
pub mod fetch;
pub mod http;
pub mod issuer;
pub mod keymount;
pub mod kube;
pub mod kube_objects;
pub mod kube_start;
pub mod old_client;
pub mod parts;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod provider;
pub mod provider_messages;
pub mod secrets;
pub mod unforwarding;
pub mod wait;

pub use wait::eventually;
