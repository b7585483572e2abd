//! Pods, and whatever has a template of one.

use super::super::finding::Subject;
use super::super::yaml::{Entry, Node, Spot};
use super::{Class, meet};

/// The driver's name.
pub(in super::super) const DRIVER: &str = "secrets-store.csi.k8s.io";

/// A CSI volume of a pod, of this driver or of one whose name looks like it.
#[derive(Debug)]
pub(in super::super) struct Volume {
    pub(in super::super) subject: Subject,
    pub(in super::super) at: Spot,
    pub(in super::super) driver: (String, Spot),
    pub(in super::super) namespace: Option<String>,
    pub(in super::super) account: Account,
    /// The class's name and where it stands.
    pub(in super::super) class: Option<(String, Spot)>,
    /// The other attributes.
    pub(in super::super) attributes: Vec<(String, Spot, String)>,
    pub(in super::super) is_read_only: bool,
    /// Whether it brings a Secret.
    pub(in super::super) has_credentials: bool,
    /// Where containers mount it: the place, and whether by subPath.
    pub(in super::super) mounts: Vec<(Spot, bool)>,
    /// A user that is certainly not root, and whether its group certainly is not.
    pub(in super::super) user: User,
}

/// The pod's service account; without a name the namespace's default.
#[derive(Clone, Debug)]
pub(in super::super) struct Account {
    pub(in super::super) name: Option<String>,
    pub(in super::super) at: Spot,
}

/// What is known of who reads the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct User {
    /// No container that mounts it runs as root.
    pub(in super::super) not_root: bool,
    /// Nor with the group root.
    pub(in super::super) not_root_group: bool,
}

// === impl Volume ===

impl Volume {
    /// Whether it mounts the class, as far as the manifests say.
    pub(in super::super) fn is_of(&self, class: &Class) -> bool {
        self.class.as_ref().is_some_and(|(name, _)| *name == class.name)
            && meet(self.namespace.as_ref(), class.namespace.as_ref())
    }
}

/// The pod's spec in a document, if there is one.
pub(super) fn spec(document: &Node) -> Option<&Node> {
    let kind = document.text_of("kind")?;
    let path: &[&str] = match kind {
        "Pod" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        "PodTemplate" => &["template", "spec"],
        _ => &["spec", "template", "spec"],
    };
    document.find(path).filter(|spec| spec.entry("containers").is_some())
}

/// The volumes that concern us.
pub(super) fn volumes(document: &Node, subject: &Subject, namespace: Option<&str>) -> Vec<Volume> {
    let Some(spec) = spec(document) else { return Vec::new() };
    let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
    let ours = volumes.iter().filter_map(|volume| {
        let csi = volume.get("csi")?;
        let driver = csi.text_of("driver").unwrap_or_default();
        let is_like = driver.contains("secrets-store") || driver.contains("secret-store") || has_class(csi);
        is_like.then(|| read(volume, csi, spec, subject, namespace))
    });
    ours.collect()
}

fn has_class(csi: &Node) -> bool {
    csi.get("volumeAttributes").is_some_and(|attributes| attributes.entry("secretProviderClass").is_some())
}

fn read(volume: &Node, csi: &Node, spec: &Node, subject: &Subject, namespace: Option<&str>) -> Volume {
    let attributes = csi.get("volumeAttributes").map(Node::entries).unwrap_or_default();
    let value = |entry: &Entry| entry.value.text().unwrap_or_default().to_owned();
    let class = attributes.iter().find(|entry| entry.key == "secretProviderClass");
    let others = attributes.iter().filter(|entry| entry.key != "secretProviderClass");
    let driver = csi.entry("driver");
    let account = spec.entry("serviceAccountName").or_else(|| spec.entry("serviceAccount"));
    let name = volume.text_of("name").unwrap_or_default();
    let (mounts, user) = mounted(spec, name);
    Volume {
        subject: subject.clone(),
        at: volume.at,
        driver: (
            csi.text_of("driver").unwrap_or_default().to_owned(),
            driver.map_or(volume.at, |entry| entry.value.at),
        ),
        namespace: namespace.map(str::to_owned),
        account: Account {
            name: account.and_then(|entry| entry.value.text()).map(str::to_owned),
            at: account.map_or(volume.at, |entry| entry.value.at),
        },
        class: class.map(|entry| (value(entry), entry.value.at)).filter(|(name, _)| !name.is_empty()),
        attributes: others.map(|entry| (entry.key.clone(), entry.at, value(entry))).collect(),
        is_read_only: csi.text_of("readOnly") == Some("true"),
        has_credentials: csi.find(&["nodePublishSecretRef", "name"]).is_some(),
        mounts,
        user,
    }
}

/// Where containers mount the volume, and as whom.
fn mounted(spec: &Node, volume: &str) -> (Vec<(Spot, bool)>, User) {
    let (mut mounts, mut users) = (Vec::new(), Vec::new());
    let kinds = ["initContainers", "containers", "ephemeralContainers"];
    for container in kinds.iter().filter_map(|kind| spec.get(kind)).flat_map(Node::items) {
        let all = container.get("volumeMounts").map(Node::items).unwrap_or_default();
        let before = mounts.len();
        for mount in all.iter().filter(|mount| mount.text_of("name") == Some(volume)) {
            let by_path = mount.entry("subPath").or_else(|| mount.entry("subPathExpr"));
            mounts.push((by_path.map_or(mount.at, |entry| entry.at), by_path.is_some()));
        }
        if mounts.len() > before {
            users.push(user(spec, container));
        }
    }
    let all = |which: fn(&User) -> bool| !users.is_empty() && users.iter().all(which);
    (mounts, User { not_root: all(|user| user.not_root), not_root_group: all(|user| user.not_root_group) })
}

/// A container's security context wins over the pod's. Without `runAsGroup` the group is
/// root's where the user is named, and the image's where it is not.
fn user(spec: &Node, container: &Node) -> User {
    let said = |key: &str| {
        let contexts = [container.get("securityContext"), spec.get("securityContext")];
        contexts.into_iter().flatten().find_map(|context| context.text_of(key))
    };
    let named = said("runAsUser").and_then(|text| text.parse::<u64>().ok());
    let group = said("runAsGroup").and_then(|text| text.parse::<u64>().ok());
    User {
        not_root: named.map_or(said("runAsNonRoot") == Some("true"), |id| id != 0),
        not_root_group: group.is_some_and(|id| id != 0),
    }
}
