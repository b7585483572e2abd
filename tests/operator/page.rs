//! The status page, in a real browser: it is laid out, at a desk and on a phone, by day and by night.
//! The pictures stay in the target folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::bao::Bao;
use crate::support::bao_setup::Keys;
use crate::support::provider::Mount;
use crate::support::{parts, secrets};
use crate::world::{OBJECTS, PASSWORD, World, pod};

/// A keymount with a class that is well and one that is refused.
async fn world(more: &[&str]) -> World {
    let world = World::with(more).await;
    for _ in 0..3 {
        world.call(&world.mount(&pod("a"), OBJECTS)).await.unwrap();
    }
    let good = world.mount(&pod("b"), OBJECTS).set("secretProviderClass", "payments");
    world.call(&good).await.unwrap();
    world.refused(&good.clone().without("csi.storage.k8s.io/serviceAccount.tokens")).await;
    let absent = "- {objectName: x, secretPath: shop/absent}";
    world.refused(&world.mount(&pod("c"), absent).set("secretProviderClass", "reports")).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_at_both_doors_without_a_secret_or_a_pod() {
    let world = world(&[]).await;
    for path in ["", "status"] {
        let reply = world.keymount.admin(path).await.unwrap();
        let page = reply.body.as_str().unwrap().to_owned();
        assert_eq!(reply.status, 200);
        secrets::assert_none("the status page", &page);
        for part in
            ["web-secrets", "2 classes in trouble", ">unauthenticated<", ">not_found<", "local", "ready"]
        {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains(PASSWORD) && !page.contains("shop/a<") && !page.contains("Pods"), "{page}");
    }
    let by_socket = world.keymount.admin_by_socket("").await.unwrap();
    assert!(by_socket.body.as_str().unwrap().contains("Pods"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_may_be_loaded_into_the_page_or_frame_it() {
    let world = World::new().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/", world.keymount.admin_port());
    let reply = client.get(&url).send().await.unwrap();
    let header = |name: &str| reply.headers()[name].to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("text/html"));
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'none'"] {
        assert!(header("content-security-policy").contains(part), "{part}");
    }
    assert_eq!(
        (header("x-content-type-options"), header("cache-control")),
        ("nosniff".into(), "no-store".into())
    );
    let posted = client.post(&url).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}

/// The folder of pictures, in the target folder.
fn pictures() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_keymount")).ancestors().nth(2).unwrap().join("status-page");
    std::fs::create_dir_all(&target).unwrap();
    target
}

/// One visit: the picture and the document as it stands after loading.
fn visit(browser: &Path, url: &str, width: u32, dark: bool, name: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let picture = pictures().join(format!("{name}.png"));
    let run = |more: &[String]| {
        let mut command = Command::new(browser);
        command.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]);
        command.args(["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"]);
        command.arg(format!("--user-data-dir={}", home.path().display()));
        command.arg(format!("--window-size={width},1400"));
        if dark {
            command.arg("--blink-settings=preferredColorScheme=0");
        }
        let output = command.args(more).arg(url).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!log.contains("Content Security Policy"), "{log}");
        assert!(output.status.success(), "{log}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&[format!("--screenshot={}", picture.display())]);
    let size = std::fs::metadata(&picture).unwrap().len();
    assert!(size > 5_000, "{}: {size} bytes are no page", picture.display());
    run(&["--dump-dom".to_owned()])
}

/// An OpenBao that trusts the tests' issuer, with a secret and a certificate authority.
async fn set_up(bao: &Bao, issuer_pem: String) {
    bao.enable_jwt("jwt", Keys::Pems(&[issuer_pem])).await;
    bao.pki("pki", "web", "24h").await;
    bao.put("secret/data/shop/db", json!({ "data": { "password": "hunter2-but-longer" } })).await;
    secrets::remember("hunter2-but-longer");
    let policy = "path \"secret/data/shop/*\" { capabilities = [\"read\"] }\n\
                  path \"pki/issue/*\" { capabilities = [\"update\"] }\n";
    bao.policy("pods", policy).await;
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["pods"],
        "token_ttl": "1h",
    });
    bao.role("jwt", "web", role).await;
}

/// A node's day: pods that are well, one that is refused, one whose refresh fails, one with a certificate.
async fn busy(world: &World) {
    let vault = world.keymount.provider("vault").await;
    let ask = |name: &str, class: &str, objects: &str| {
        let pod = pod(name);
        let tokens = BTreeMap::from([("vault".to_owned(), world.issuer.token(&pod, "vault", 600))]);
        let parameters = [("roleName", "web"), ("objects", objects)];
        Mount::new(&pod, &parameters, &tokens).set("secretProviderClass", class)
    };
    let kv = "- {objectName: db/password, secretPath: secret/data/shop/db, secretKey: password}";
    let absent = "- {objectName: db/password, secretPath: secret/data/shop/absent, secretKey: password}";
    let tls = "- {objectName: tls.crt, secretPath: pki/issue/web, method: PUT, secretKey: certificate, \
               secretArgs: {common_name: web.shop.svc, ttl: 12h}}";
    for name in ["web-7d9f8c6b5d-abcde", "web-7d9f8c6b5d-fghij", "orders-0"] {
        vault.mount(&ask(name, "web-secrets", kv)).await.unwrap();
    }
    vault.mount(&ask("web-7d9f8c6b5d-abcde", "web-tls", tls)).await.unwrap();
    vault.mount(&ask("orders-0", "web-secrets", absent)).await.unwrap_err();
    vault.mount(&ask("reports-28912345-k2x9p", "reports", absent)).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_browser_shows_it_wide_narrow_light_and_dark() {
    let (Some(browser), Some(bao)) = (parts::require("CHROMIUM_BIN"), Bao::start().await) else { return };
    let address = bao.url();
    let more =
        ["--provider", "vault", "--vault-addr", &address, "--vault-mount", "jwt", "--status-show-pods"];
    let world = world(&more).await;
    set_up(&bao, world.issuer.pem()).await;
    busy(&world).await;
    let url = format!("http://127.0.0.1:{}/", world.keymount.admin_port());
    let visits = [
        ("desk-light", 1280, false),
        ("desk-dark", 1280, true),
        // The narrowest window that a headless Chromium makes.
        ("phone-light", 500, false),
        ("phone-dark", 500, true),
    ];
    for (name, width, dark) in visits {
        let (browser, url) = (browser.clone(), url.clone());
        let document =
            tokio::task::spawn_blocking(move || visit(&browser, &url, width, dark, name)).await.unwrap();
        secrets::assert_none("the status page", &document);
        for part in ["<h1>keymount", "web-tls", "shop/orders-0", "1 pod on old files", "<path d=", "</html>"]
        {
            assert!(document.contains(part), "{name}: {part}\n{document}");
        }
    }
}
