//! `keymount fetch` with a pod's own token in a file, against a real OpenBao and a real cluster's tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::leases::{Leases, creds};
use crate::support::fetch::Desk;
use crate::support::kube_objects::PodRef;
use crate::support::{eventually, secrets};
use crate::world::{PASSWORD, World, object};

const SOON: Duration = Duration::from_secs(20);

fn class(world: &World, parameters: &str, objects: &str) -> String {
    let objects = objects.trim_end().replace('\n', "\n      ");
    format!(
        "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n\
         metadata: {{ name: web-secrets, namespace: {} }}\n\
         spec:\n  provider: vault\n  parameters:\n    roleName: web\n{parameters}    objects: |\n      {objects}\n",
        world.namespace
    )
}

/// One KV value, the pod's token in a file as the kubelet projects it.
async fn desk(world: &World, pod: &PodRef, parameters: &str) -> Desk {
    let objects = object("password", &format!("secret/data/{}/db", world.namespace), "password");
    let token = world.kube.pod_token(pod, "vault", 3600).await.token;
    Desk::new(&class(world, parameters, &objects), &token, &["--vault-addr", &world.bao.url()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pods_token_fetches_what_its_role_may_read_and_no_more() {
    let Some(world) = World::new("fetch-once").await else { return };
    let desk = desk(&world, &world.pod("app").await, "").await;
    let (code, out, err) = desk.run(&[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(desk.text("password").as_deref(), Some(PASSWORD));
    assert_eq!(world.bao.requests("auth/kubernetes/login"), 1);
    let foreign = object("password", "secret/data/other/db", "password");
    desk.put("class.yaml", &class(&world, "", &foreign));
    let (code, _, err) = desk.run(&[]);
    assert!(code == 3 && err.contains("http=403") && err.contains("object=password"), "{code} {err}");
    desk.put("class.yaml", &class(&world, "", &object("x", "secret/data/fetch-once/none", "y")));
    let (code, _, err) = desk.run(&[]);
    assert!(code == 1 && err.contains("http=404"), "{code} {err}");
    assert_eq!(desk.text("password").as_deref(), Some(PASSWORD), "the last whole set is still there");
    std::fs::remove_file(desk.out().join("password")).unwrap();
    std::fs::create_dir(desk.out().join("password")).unwrap();
    desk.put("class.yaml", &class(&world, "", &object("password", "secret/data/fetch-once/db", "password")));
    let before = world.bao.requests("auth/token/revoke-self");
    let (code, _, err) = desk.run(&[]);
    assert!(code == 1 && err.contains("cannot write the files"), "{code} {err}");
    assert_eq!(world.bao.requests("auth/token/revoke-self"), before + 1, "a login for nothing is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_logs_in_with_another_issuers_token_by_its_jwt_mount() {
    let Some(world) = World::new("fetch-job").await else { return };
    world.bao.policy("jobs", "path \"secret/data/fetch-job/*\" { capabilities = [\"read\"] }\n").await;
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["jobs"] });
    world.bao.role("jwt", "web", role).await;
    let desk = desk(&world, &world.pod("app").await, "").await;
    // Nothing of Kubernetes in it, as a CI server's has none.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": "repo:shop/app", "aud": "vault", "iat": now, "nbf": now, "exp": now + 600 });
    desk.put("token", &world.kube.mint(&claims));
    assert_eq!(desk.run(&["--vault-mount", "jwt", "--quiet"]), (0, String::new(), String::new()));
    assert_eq!(desk.text("password").as_deref(), Some(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_sees_a_changed_value_and_takes_the_new_token() {
    let Some(world) = World::new("fetch-watch").await else { return };
    let pod = world.pod("app").await;
    let desk = desk(&world, &pod, "").await;
    let mut sidecar = desk.watch("200ms", &[]);
    assert!(eventually(SOON, || async { desk.text("password").is_some() }).await, "{}", sidecar.log());
    world.put("fetch-watch/db", json!({ "password": "changed-in-between" })).await;
    let changed = || async { desk.text("password").as_deref() == Some("changed-in-between") };
    assert!(eventually(SOON, changed).await, "{}", sidecar.log());
    assert_eq!(world.bao.requests("auth/kubernetes/login"), 1, "one session for all turns");
    // The kubelet puts another token there: one login, and it goes on.
    desk.put("token", &world.kube.pod_token(&pod, "vault", 3600).await.token);
    let second = || async { world.bao.requests("auth/kubernetes/login") == 2 };
    assert!(eventually(SOON, second).await, "{}", sidecar.log());
    world.put("fetch-watch/db", json!({ "password": "after-the-rotation" })).await;
    let changed = || async { desk.text("password").as_deref() == Some("after-the-rotation") };
    assert!(eventually(SOON, changed).await, "{}", sidecar.log());
    assert_eq!(world.bao.requests("auth/kubernetes/login"), 2);
    assert_eq!(sidecar.child().end(SOON), 0, "{}", sidecar.log());
    assert_eq!(world.bao.requests("auth/token/revoke-self"), 1, "only the login that the new one replaced");
    assert!(!sidecar.log().contains("cannot refresh"), "{}", sidecar.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecars_credential_is_renewed_and_stays_the_same() {
    let Some(leases) = Leases::new("fetch-lease", "6s", "5m", &[]).await else { return };
    let world = &leases.world;
    let desk = desk(world, &world.pod("app").await, "").await;
    desk.put("class.yaml", &class(world, "", &creds()));
    let mut sidecar = desk.watch("400ms", &[]);
    let user = || desk.text("user").zip(desk.text("pass"));
    assert!(eventually(SOON, || async { user().is_some() }).await, "{}", sidecar.log());
    let (name, password) = user().unwrap();
    secrets::remember(&password);
    // Three times its term: renewed, not made again.
    tokio::time::sleep(Duration::from_secs(18)).await;
    assert_eq!(user(), Some((name.clone(), password.clone())), "{}", sidecar.log());
    assert!(leases.pg.can_login(&name, &password), "{}", sidecar.log());
    assert_eq!((leases.made(), world.bao.requests("auth/kubernetes/login")), (1, 1), "{}", sidecar.log());
    assert_eq!(sidecar.child().end(SOON), 0, "{}", sidecar.log());
    assert_eq!(world.bao.requests("auth/token/revoke-self"), 0, "a stop revokes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_survived_with_the_files_in_place() {
    let Some(mut world) = World::new("fetch-outage").await else { return };
    let desk = desk(&world, &world.pod("app").await, "").await;
    let sidecar = desk.watch("100ms", &["--timeout", "1s"]);
    assert!(eventually(SOON, || async { desk.text("password").is_some() }).await, "{}", sidecar.log());
    world.bao.child().pause();
    assert!(
        eventually(SOON, || async { sidecar.log().contains("cannot refresh") }).await,
        "{}",
        sidecar.log()
    );
    assert_eq!(desk.text("password").as_deref(), Some(PASSWORD));
    assert_eq!(desk.run(&["--timeout", "1s", "--quiet"]).0, 4);
    world.bao.child().resume();
    assert!(
        eventually(SOON, || async { sidecar.log().contains("refreshed again") }).await,
        "{}",
        sidecar.log()
    );
}
