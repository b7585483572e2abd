//! What must hold for anything that a driver may send; asked by the property tests and by `fuzz/`.

use super::proto::MountRequest;
use super::request;

/// Stands for what must not come back.
pub(crate) const MARK: &str = "s3cr3t-mark";

/// A Mount or a mistake that echoes nothing of the request.
pub(crate) fn request(attributes: &str, secrets: &str, permission: &str) {
    let marked = format!("{{\"k\":\"{MARK}\",{attributes}");
    for attributes in [attributes, &marked] {
        for secrets in [secrets, &format!("{{\"k\":\"{MARK}\",{secrets}")] {
            let message = MountRequest {
                attributes: attributes.to_owned(),
                secrets: secrets.to_owned(),
                permission: permission.to_owned(),
                ..MountRequest::default()
            };
            let told = request::parse(message).err().map(|errors| errors.to_string()).unwrap_or_default();
            assert!(!told.contains(MARK), "{told}");
            assert!(!told.contains('\n'), "one line: {told:?}");
        }
    }
}
