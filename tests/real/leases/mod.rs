//! Leases against a real OpenBao and a real PostgreSQL: made once, renewed, replaced,
//! shared where it is safe, carried over a restart, revoked on proof.

mod crossing;
mod cut_off;
mod life;
mod load;
mod restart;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::bao::Bao;
use crate::support::kube_objects::PodRef;
use crate::support::postgres::Postgres;
use crate::support::provider::{Mount, MountResponse};
use crate::support::secrets;
use crate::world::{World, object};

pub const CREDS: &str = "database/creds/ro";

/// A world with a database whose users live for `ttl`, at most for `max`.
pub struct Leases {
    pub world: World,
    pub pg: Postgres,
}

impl Leases {
    pub async fn new(namespace: &str, ttl: &str, max: &str, more: &[&str]) -> Option<Self> {
        let (world, pg) = (World::with(namespace, more).await?, Postgres::start().await?);
        world.bao.database("database", &pg).await;
        world.bao.database_role("database", "ro", ttl, max).await;
        Some(Self { world, pg })
    }

    /// The pod's Mount of a user and its password, always with the same token.
    pub async fn mount(&self, pod: &PodRef) -> Mount {
        self.world.mount(pod, &creds()).await
    }

    /// The user that a Mount is answered with, who can log in now.
    pub async fn user(&self, mount: &Mount) -> String {
        let answer = self.call(mount).await;
        let (user, password) = (answer.text("user").unwrap(), answer.text("pass").unwrap());
        secrets::remember(&password);
        assert!(self.pg.can_login(&user, &password), "{user} is dead\n{}", self.world.keymount.logs());
        user
    }

    /// The role that pods log in by gives these policies, and tokens of this kind.
    pub async fn role(&self, policies: &[&str], kind: Value) {
        let mut role = json!({
            "bound_service_account_names": ["web"], "bound_service_account_namespaces": ["*"],
            "audience": "vault", "token_policies": policies, "token_ttl": "10m",
        });
        for (key, value) in kind.as_object().unwrap() {
            role[key] = value.clone();
        }
        self.world.bao.role("kubernetes", "web", role).await;
    }

    pub async fn call(&self, mount: &Mount) -> MountResponse {
        let world = &self.world;
        world.call(mount).await.unwrap_or_else(|status| panic!("{status:?}\n{}", world.keymount.logs()))
    }

    /// How often users were made.
    pub fn made(&self) -> usize {
        self.world.bao.requests(CREDS)
    }
}

pub fn creds() -> String {
    object("user", CREDS, "username") + &object("pass", CREDS, "password")
}

/// Another pod's Mounts ask at once; in waves, because the kubelet's token maker is one API server.
pub async fn pods(world: &World, names: impl Iterator<Item = String>, account: &str) -> Vec<PodRef> {
    let mut pods = Vec::new();
    for name in names {
        pods.push(world.pod_as(&name, account).await);
    }
    pods
}

/// Every token that a role gives out dies: its accessors are revoked, as an operator does.
pub async fn revoke_logins(bao: &Bao) {
    bao.put("sys/leases/revoke-prefix/auth/kubernetes", json!({})).await;
}

pub async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}
