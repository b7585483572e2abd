//! Whom to trust, and the files that say so.
//!
//! One rustls provider in the process: aws-lc-rs, the one that reqwest brings.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder};
use zeroize::Zeroizing;

use super::failure::{Cause, Failure};

/// The largest certificate or key file.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// The most files of a folder.
const MAX_FILES: usize = 1000;

/// Whom to trust with a request, and who we say we are. Keys a client, so it compares by value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trust {
    /// Who may have signed the server's certificate.
    pub roots: Roots,
    /// The name that the certificate must be for, where it is not the address's host.
    pub server_name: Option<String>,
    /// The client certificate.
    pub identity: Option<Identity>,
    /// Accept any certificate. For the operator to allow, never for a class alone.
    pub skip_verify: bool,
    /// A forward proxy, without credentials. The environment's proxies are not used.
    pub proxy: Option<String>,
}

/// Who may have signed the server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Roots {
    /// The system's.
    #[default]
    System,
    /// Those of one PEM file, and no others.
    File(PathBuf),
    /// Those of every PEM file of a folder, and no others.
    Folder(PathBuf),
    /// Those of this PEM text, and no others.
    Pem(String),
}

/// A file's name and content.
type Named = (String, Zeroizing<Vec<u8>>);

/// A client certificate's files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

// === impl Trust ===

impl Trust {
    /// Applies this trust to a client that will speak TLS. Reads files: not for the runtime's threads.
    pub(super) fn apply(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
        if let Some(certificates) = self.roots.load()? {
            builder = builder.tls_certs_only(certificates);
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.load()?);
        }
        Ok(builder.tls_danger_accept_invalid_certs(self.skip_verify))
    }
}

// === impl Roots ===

impl Roots {
    /// The certificates, or `None` for the system's.
    fn load(&self) -> Result<Option<Vec<Certificate>>, Failure> {
        let pems = match self {
            Self::System => return Ok(None),
            Self::File(path) => vec![(path.display().to_string(), read(path)?)],
            Self::Folder(path) => folder(path)?,
            Self::Pem(text) => vec![("the inline CA".to_owned(), Zeroizing::new(text.clone().into_bytes()))],
        };
        let mut certificates = Vec::new();
        for (name, pem) in pems {
            let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if found.is_empty() {
                return Err(setup(format!("{name} holds no PEM certificate")));
            }
            certificates.extend(found);
        }
        Ok(Some(certificates))
    }
}

// === impl Identity ===

impl Identity {
    fn load(&self) -> Result<reqwest::Identity, Failure> {
        let mut pem = read(&self.certificate)?;
        pem.push(b'\n');
        pem.extend_from_slice(&read(&self.key)?);
        reqwest::Identity::from_pem(&pem).map_err(|_| {
            let (certificate, key) = (self.certificate.display(), self.key.display());
            setup(format!("{certificate} and {key} are not a PEM certificate and its private key"))
        })
    }
}

fn folder(path: &Path) -> Result<Vec<Named>, Failure> {
    let failed = |error| setup(format!("cannot read the folder {}: {error}", path.display()));
    let entries = std::fs::read_dir(path).map_err(failed)?.take(MAX_FILES);
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    if paths.is_empty() {
        return Err(setup(format!("{} holds no file", path.display())));
    }
    paths.iter().map(|path| Ok((path.display().to_string(), read(path)?))).collect()
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: std::io::Error| setup(format!("cannot read {}: {error}", path.display()));
    // Asked before it is opened: opening a pipe waits for its writer.
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_file() || meta.len() > MAX_FILE {
        return Err(setup(format!("{} is not a file of at most {MAX_FILE} bytes", path.display())));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default() + 1));
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

fn setup(text: String) -> Failure {
    Failure::new(Cause::Setup, text)
}
