//! The kubelet's part: the real CSI driver is called over its socket as the kubelet calls it, in a mount
//! namespace of its own, so that no tmpfs is left on the machine whatever happens.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use super::csi_messages::{Empty, NodePublishVolumeRequest, NodeUnpublishVolumeRequest, volume_id};
use super::http::Http;
use super::kube::Kube;
use super::kube_objects::{PodRef, Token};
use super::process::{Child, Spec};
use super::{eventually, parts, ports};

/// The kubelet's limit of one call.
const CSI_TIMEOUT: Duration = Duration::from_secs(120);

/// The driver's flags that matter to a provider.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub rotation: bool,
    /// A republish within this time of the last change is answered without asking the provider.
    pub interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { rotation: true, interval: Duration::from_millis(100) }
    }
}

/// A running driver; dropping it ends it, and its mounts with it.
pub struct Driver {
    child: Child,
    home: TempDir,
    metrics: Http,
}

/// A mounted tree: the mode and content of each file under its path, as a container sees them.
pub type Tree = BTreeMap<String, (u32, Vec<u8>)>;

impl Driver {
    /// `None` when a part is missing, or when we are not root and cannot mount.
    pub async fn start(kube: &Kube, providers: &Path, options: Options) -> Option<Self> {
        Self::run(&parts::require("CSI_DRIVER")?, kube, providers, options).await
    }

    /// One of before v1.6.0: it names the socket's path as authority, is not asked again by the kubelet, and
    /// rotates by itself each `interval`, with tokens of its own for this audience.
    pub async fn start_old(kube: &Kube, providers: &Path, options: Options, audience: &str) -> Option<Self> {
        let driver = Self::run(&parts::require("CSI_DRIVER_OLD")?, kube, providers, options).await?;
        kube.token_requests(&[audience]).await;
        Some(driver)
    }

    async fn run(program: &Path, kube: &Kube, providers: &Path, options: Options) -> Option<Self> {
        let deploy = parts::require("CSI_DEPLOY")?;
        kube.install_driver_objects(&deploy).await;
        let home = tempfile::tempdir().expect("folder");
        let port = ports::free();
        let command = driver_command(program, &home.path().join("csi.sock"), providers, options, port, kube);
        let child = Child::start(Spec { name: "driver", command, home: home.path(), stop: "TERM" });
        let metrics = Http::new(format!("http://127.0.0.1:{port}"), None, "authorization");
        let driver = Self { child, home, metrics };
        let up = eventually(Duration::from_secs(20), || async { driver.channel().await.is_ok() }).await;
        assert!(up, "the driver does not start: {}", driver.log());
        Some(driver)
    }

    pub fn log(&self) -> String {
        self.child.log()
    }

    pub async fn metrics(&self) -> String {
        let reply = self.metrics.send("GET", "metrics", "", None).await.expect("metrics");
        reply.body.as_str().unwrap_or_default().to_owned()
    }

    /// A new channel for each call: one belongs to the runtime of the test that made it.
    async fn channel(&self) -> Result<Channel, tonic::transport::Error> {
        Endpoint::from_shared(format!("unix:{}", self.home.path().join("csi.sock").display()))?
            .connect()
            .await
    }

    /// The volume's target path: the same for us and the driver, but the mount on it is the driver's.
    pub fn target(&self, pod: &PodRef) -> PathBuf {
        self.home.path().join(format!("pods/{}/volumes/kubernetes.io~csi/{}/mount", pod.uid, pod.volume))
    }

    /// One NodePublishVolume, and nothing else; publishing again is a republish.
    pub async fn publish(&self, pod: &PodRef, tokens: &BTreeMap<String, Token>) -> Result<(), Status> {
        let target = self.target(pod);
        fs::create_dir_all(target.parent().expect("a parent")).expect("the pod's folder");
        let request = NodePublishVolumeRequest::of(pod, &target, tokens);
        self.call::<_, Empty>("NodePublishVolume", request).await
    }

    /// As the kubelet does it: after a final error the target folder goes, after one of the five codes that
    /// leave it open what happened, it stays.
    pub async fn kubelet_publish(
        &self,
        pod: &PodRef,
        tokens: &BTreeMap<String, Token>,
    ) -> Result<(), Status> {
        let result = self.publish(pod, tokens).await;
        if result.as_ref().is_err_and(|status| is_final(status.code())) {
            let _ = fs::remove_dir(self.target(pod));
        }
        result
    }

    /// The kubelet's periodic call for a volume that is mounted: the same as a first one.
    pub async fn republish(&self, pod: &PodRef, tokens: &BTreeMap<String, Token>) -> Result<(), Status> {
        self.publish(pod, tokens).await
    }

    pub async fn unpublish(&self, pod: &PodRef) -> Result<(), Status> {
        let target_path = self.target(pod).display().to_string();
        let request = NodeUnpublishVolumeRequest { volume_id: volume_id(pod), target_path };
        self.call::<_, Empty>("NodeUnpublishVolume", request).await
    }

    async fn call<Q, A>(&self, method: &'static str, message: Q) -> Result<(), Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let channel = self.channel().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = Request::new(message);
        request.set_timeout(CSI_TIMEOUT);
        let path = format!("/csi.v1.Node/{method}").parse().expect("a path");
        let codec = tonic_prost::ProstCodec::<Q, A>::default();
        client.unary(request, path, codec).await.map(|_: Response<A>| ())
    }

    /// The target as the driver's mount namespace has it.
    fn inside(&self, pod: &PodRef) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.child.pid()));
        root.join(self.target(pod).strip_prefix("/").expect("absolute"))
    }

    pub fn is_mounted(&self, pod: &PodRef) -> bool {
        let table = fs::read_to_string(format!("/proc/{}/mountinfo", self.child.pid())).unwrap_or_default();
        let target = self.target(pod).display().to_string();
        table.lines().any(|line| line.split(' ').nth(4) == Some(&target))
    }

    pub fn target_exists(&self, pod: &PodRef) -> bool {
        self.inside(pod).exists()
    }

    /// The files of the mounted volume; the links and folders of the driver's atomic writer are left out.
    pub fn tree(&self, pod: &PodRef) -> Tree {
        let root = self.inside(pod);
        let mut tree = Tree::new();
        for entry in fs::read_dir(&root).into_iter().flatten().flatten() {
            if !entry.file_name().to_string_lossy().starts_with("..") {
                collect(&entry.path(), &root, &mut tree);
            }
        }
        tree
    }
}

fn collect(path: &Path, root: &Path, tree: &mut Tree) {
    let meta = fs::metadata(path).expect("a file of the volume");
    if meta.is_dir() {
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            collect(&entry.path(), root, tree);
        }
    } else {
        let name = path.strip_prefix(root).expect("inside").display().to_string();
        tree.insert(name, (meta.permissions().mode() & 0o7777, fs::read(path).expect("a file")));
    }
}

/// Does the kubelet take this code for the end of the attempt?
pub fn is_final(code: Code) -> bool {
    use Code::{Aborted, Cancelled, DeadlineExceeded, ResourceExhausted, Unavailable};
    !matches!(code, Cancelled | DeadlineExceeded | Unavailable | ResourceExhausted | Aborted)
}

fn driver_command(
    program: &Path,
    socket: &Path,
    providers: &Path,
    options: Options,
    port: u16,
    kube: &Kube,
) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(program);
    command.arg("--nodeid=node1").arg(format!("--endpoint=unix://{}", socket.display()));
    command.arg(format!("--provider-volume={}", providers.display()));
    command.arg(format!("--additional-provider-volume-paths={}", providers.display()));
    command.arg(format!("--metrics-addr=127.0.0.1:{port}"));
    command.arg(format!("--enable-secret-rotation={}", options.rotation));
    command.arg(format!("--rotation-poll-interval={}ms", options.interval.as_millis()));
    command.arg("-v=5").env("KUBECONFIG", kube.kubeconfig());
    command
}
