//! The store from file to secrets; what every backend must do besides is in the conformance suite.
#![expect(clippy::unwrap_used, reason = "a test ends where its premise fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;
use crate::error::Kind;

const STORE: &str = "\
secrets:
  shop/db:
    data: { username: app, password: s3cr3t, port: 5432, pin: 0042, tls: true, quoted: \"7\", text: \"a\\\"<b>\\n\" }
    allow:
      - { namespace: shop, serviceAccount: web }
      - { namespace: \"shop-*\", serviceAccount: \"*\" }
  shop/token: { value: only-text, allow: [{ namespace: '*', serviceAccount: '*' }] }
  shop/key:
    base64: |
      AAEC
      /w==
    allow: [{ namespace: shop, serviceAccount: \"w?b\" }]
  shop/nobody: { value: x }
";

/// Counts what it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Recorder for Heard {
    fn request(&self, provider: &'static str, operation: &'static str, status: &str, _took: Duration) {
        self.0.lock().unwrap().push(format!("{provider} {operation} {status}"));
    }
}

struct Rig {
    folder: TempDir,
    local: Local,
    heard: Arc<Heard>,
}

impl Rig {
    fn new(store: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let heard = Arc::new(Heard::default());
        let local = Local::new(Config::new(folder.path().join("store.yaml")), heard.clone());
        std::fs::write(folder.path().join("store.yaml"), store).unwrap();
        Self { folder, local, heard }
    }

    async fn document(&self) -> Result<Arc<Document>, Error> {
        self.local.store.document(by()).await
    }

    async fn value(&self, path: &str) -> String {
        let read = Read { path: path.into(), key: None };
        text(self.document().await.unwrap().read(&pod("shop", "web"), &read))
    }

    /// The answer to a class's objects, as `path=content` or as an error's text.
    async fn ask(&self, pod: Pod, objects: &str) -> Result<Vec<String>, Errors> {
        let (_, objects) = self.local.parse(&parameters(objects))?;
        let reader = Reader { pod, document: self.document().await? };
        let reads: Vec<_> = self.local.reads(&objects).into_iter().map(|need| need.read).collect();
        let answers = self.local.fetch(&reader, &reads, by()).await;
        let secrets = self.local.pick(
            &objects,
            &reads.into_iter().zip(answers.into_iter().map(|answer| answer.map(Arc::new))).collect(),
        )?;
        Ok(secrets.into_iter().map(|secret| format!("{}={}", secret.path, text(Ok(secret.bytes)))).collect())
    }
}

fn by() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

fn pod(namespace: &str, account: &str) -> Pod {
    Pod { namespace: namespace.into(), name: "p".into(), uid: "u".into(), service_account: account.into() }
}

fn parameters(objects: &str) -> Parameters {
    [("objects", objects), ("roleName", "ignored"), ("vaultAddress", "https://ignored")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a test reads what was delivered")]
fn text(bytes: Result<secrecy::SecretSlice<u8>, Error>) -> String {
    match bytes {
        Ok(bytes) => String::from_utf8_lossy(bytes.expose_secret()).into_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn keys_are_delivered_as_they_are_written() {
    let rig = Rig::new(STORE);
    let objects = "
- { objectName: password, secretPath: shop/db, secretKey: password }
- { objectName: port, secretPath: shop/db, secretKey: port }
- { objectName: pin, secretPath: shop/db, secretKey: pin }
- { objectName: token, secretPath: shop/token, method: GET }
";
    let files = rig.ask(pod("shop", "web"), objects).await.unwrap();
    assert_eq!(files, ["password=s3cr3t", "port=5432", "pin=0042", "token=only-text"]);
}

#[tokio::test]
async fn the_whole_secret_is_compact_sorted_json() {
    let rig = Rig::new(STORE);
    assert_eq!(
        rig.value("shop/db").await,
        r#"{"password":"s3cr3t","pin":"0042","port":5432,"quoted":"7","text":"a\"<b>\n","tls":true,"username":"app"}"#
    );
    assert!(serde_json::from_str::<serde_json::Value>(&rig.value("shop/db").await).is_ok());
}

#[tokio::test]
async fn binary_values_and_encodings_are_decoded() {
    let rig =
        Rig::new("secrets: { a: { data: { k: aGk= }, allow: [{ namespace: '*', serviceAccount: '*' }] } }");
    let objects = "[{ objectName: x, secretPath: a, secretKey: k, encoding: base64 }]";
    assert_eq!(rig.ask(pod("a", "b"), objects).await.unwrap(), ["x=hi"]);
    let objects = "[{ objectName: x, secretPath: a, secretKey: k, encoding: hex }]";
    let text = rig.ask(pod("a", "b"), objects).await.unwrap_err().to_string();
    assert!(text.starts_with("stage=pick object=x backend=local path=a#k: the value is not hex"), "{text}");
    let document = Rig::new(STORE).document().await.unwrap();
    let read = Read { path: "shop/key".into(), key: None };
    let bytes = document.read(&pod("shop", "web"), &read).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test reads what was delivered")]
    let bytes = bytes.expose_secret();
    assert_eq!(bytes, [0, 1, 2, 255]);
}

#[tokio::test]
async fn who_may_read_is_namespace_and_service_account() {
    let rig = Rig::new(STORE);
    let objects = "[{ objectName: x, secretPath: shop/db, secretKey: username }]";
    for (namespace, account) in [("shop", "web"), ("shop-eu", "anything")] {
        assert_eq!(rig.ask(pod(namespace, account), objects).await.unwrap(), ["x=app"]);
    }
    for (namespace, account) in [("shop", "batch"), ("other", "web"), ("shopping", "web")] {
        let errors = rig.ask(pod(namespace, account), objects).await.unwrap_err();
        assert_eq!(errors.kind(), Kind::Denied);
        let line = format!("- {{ namespace: {namespace}, serviceAccount: {account} }}");
        assert!(errors.to_string().ends_with(&line), "{errors}");
    }
    let nobody = rig.ask(pod("shop", "web"), "[{ objectName: x, secretPath: shop/nobody }]").await;
    assert_eq!(nobody.unwrap_err().kind(), Kind::Denied);
}

#[tokio::test]
async fn every_failing_object_is_named_and_optional_covers_absence_only() {
    let rig = Rig::new(STORE);
    let objects = "
- { objectName: a, secretPath: shop/absent }
- { objectName: b, secretPath: shop/db, secretKey: absent }
- { objectName: c, secretPath: shop/token, secretKey: any }
- { objectName: d, secretPath: shop/absent, optional: true }
- { objectName: e, secretPath: shop/nobody, optional: true }
";
    let errors = rig.ask(pod("shop", "web"), objects).await.unwrap_err();
    let kinds: Vec<_> = errors.iter().map(Error::kind).collect();
    assert_eq!(kinds, [Kind::NotFound, Kind::NotFound, Kind::NotFound, Kind::Denied]);
    let text = errors.to_string();
    for object in ["object=a ", "object=b ", "object=c ", "object=e "] {
        assert!(text.contains(object), "{object} in {text}");
    }
    let files =
        rig.ask(pod("shop", "web"), "[{ objectName: d, secretPath: shop/absent, optional: true }]").await;
    assert_eq!(files.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn every_mistake_in_a_class_is_reported() {
    let rig = Rig::new(STORE);
    let objects = "
- { secretPath: x }
- { objectName: b }
- { objectName: c, secretPath: x, encoding: rot13 }
- { objectName: c, secretPath: y }
";
    let errors = rig.local.parse(&parameters(objects)).err().unwrap();
    assert_eq!(errors.kind(), Kind::Invalid);
    assert_eq!(errors.iter().count(), 4, "{errors}");
    let text = errors.to_string();
    for object in ["object=#1 ", "object=b ", "object=c "] {
        assert!(text.contains(object), "{object} in {text}");
    }
    assert!(
        rig.local.parse(&Parameters::default()).err().unwrap().to_string().contains("no secrets configured")
    );
}

#[tokio::test]
async fn the_audience_is_the_classes_or_the_operators() {
    let rig = Rig::new(STORE);
    let audience = |parameters: &Parameters| {
        let (scope, _) = rig.local.parse(parameters).ok()?;
        let Evidence::Token { audience, verified_by_login } = rig.local.evidence(&scope) else { return None };
        assert!(!verified_by_login);
        Some(audience.to_owned())
    };
    let objects = ("objects".to_owned(), "[{ objectName: a, secretPath: b }]".to_owned());
    assert_eq!(audience(&[objects.clone()].into_iter().collect()).as_deref(), Some("local"));
    let own = [objects, ("audience".to_owned(), "own".to_owned())];
    assert_eq!(audience(&own.into_iter().collect()).as_deref(), Some("own"));
}

#[tokio::test]
async fn a_change_is_seen_at_the_next_mount_however_it_is_made() {
    let store = |value: &str| {
        format!("secrets: {{ a: {{ value: {value}, allow: [{{ namespace: '*', serviceAccount: '*' }}] }} }}")
    };
    let rig = Rig::new(&store("one"));
    assert_eq!(rig.value("a").await, "one");
    let file = rig.folder.path().join("store.yaml");
    // In place, the same length, at once.
    std::fs::write(&file, store("two")).unwrap();
    assert_eq!(rig.value("a").await, "two");
    // By rename.
    std::fs::write(rig.folder.path().join("next"), store("six")).unwrap();
    std::fs::rename(rig.folder.path().join("next"), &file).unwrap();
    assert_eq!(rig.value("a").await, "six");
    // As the kubelet swaps a ConfigMap.
    for (folder, value) in [("..1", "seven"), ("..2", "eight")] {
        std::fs::create_dir(rig.folder.path().join(folder)).unwrap();
        std::fs::write(rig.folder.path().join(folder).join("store.yaml"), store(value)).unwrap();
        let _ = std::fs::remove_file(rig.folder.path().join("..tmp"));
        std::os::unix::fs::symlink(folder, rig.folder.path().join("..tmp")).unwrap();
        std::fs::rename(rig.folder.path().join("..tmp"), rig.folder.path().join("..data")).unwrap();
        let _ = std::fs::remove_file(&file);
        std::os::unix::fs::symlink("..data/store.yaml", &file).unwrap();
        assert_eq!(rig.value("a").await, value);
    }
}

#[tokio::test]
async fn an_unchanged_file_is_read_once() {
    let rig = Rig::new(STORE);
    tokio::time::sleep(Duration::from_millis(80)).await;
    let first = rig.document().await.unwrap();
    assert!(Arc::ptr_eq(&first, &rig.document().await.unwrap()));
}

#[tokio::test]
async fn a_damaged_file_is_an_error_with_its_line_and_without_its_text() {
    let rig = Rig::new(STORE);
    assert_eq!(rig.document().await.unwrap().len(), 4);
    let allow = "allow: [{ namespace: a, serviceAccount: b }]";
    for (damaged, line, fault) in [
        ("secrets:\n  a: { value: TOPSECRET, valu: TOPSECRET }".to_owned(), 2, "unknown field"),
        ("secrets:\n  a:\n    value: [TOPSECRET]".to_owned(), 3, "not the YAML"),
        ("secrets:\n  a: { value: TOPSECRET\n  b: 7".to_owned(), 3, "not the YAML"),
        (format!("secrets:\n  a: {{ value: TOPSECRET, data: {{ x: y }}, {allow} }}"), 2, "exactly one of"),
        (format!("secrets:\n\n  a:\n    base64: TOPSECRET_\n    {allow}"), 4, "base64 is not base64"),
        (
            "secrets:\n  a: { value: TOPSECRET }\n  a: { value: TOPSECRET }".to_owned(),
            3,
            "a name stands twice",
        ),
        (
            "secrets:\n  a: { value: TOPSECRET, allow: [{ namespace: TOPSECRET }] }".to_owned(),
            2,
            "serviceAccount",
        ),
        (
            "secrets:\n  a: { value: TOPSECRET, allow: [{ namespace: '', serviceAccount: b }] }".to_owned(),
            2,
            "empty",
        ),
        ("secrets:\n  a: { value: }".to_owned(), 2, "exactly one of"),
        ("secrets:\n  a: { data: { TOPSECRET: } }".to_owned(), 2, "a value is empty"),
        ("\"TOPSECRET\"".to_owned(), 1, "not the YAML"),
        (String::new(), 1, ""),
    ] {
        std::fs::write(rig.folder.path().join("store.yaml"), &damaged).unwrap();
        let error = rig.document().await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), Kind::Precondition);
        assert!(text.contains("store.yaml") && text.contains(&format!("line={line}:")), "{damaged}: {text}");
        assert!(text.contains(fault) && !text.contains("TOPSECRET"), "{damaged}: {text}");
    }
    std::fs::write(rig.folder.path().join("store.yaml"), STORE).unwrap();
    assert_eq!(rig.value("shop/token").await, "only-text");
}

#[tokio::test]
async fn a_file_that_is_none_or_too_large_is_an_error() {
    let rig = Rig::new(STORE);
    let file = rig.folder.path().join("store.yaml");
    std::fs::write(&file, "#".repeat(9 * 1024 * 1024)).unwrap();
    assert!(rig.document().await.unwrap_err().to_string().contains("larger than"));
    std::fs::write(&file, b"secrets: {}\n# \xff").unwrap();
    assert!(
        rig.document()
            .await
            .unwrap_err()
            .to_string()
            .contains("line=2: the local store cannot be used: not UTF-8")
    );
    std::fs::remove_file(&file).unwrap();
    assert!(rig.document().await.unwrap_err().to_string().contains("--local-store"));
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, 0o600.into()).unwrap();
    assert!(rig.document().await.unwrap_err().to_string().contains("not a regular file"));
}

#[tokio::test]
async fn every_request_is_recorded_and_nothing_prints_a_value() {
    let rig = Rig::new(STORE);
    let objects =
        "[{ objectName: a, secretPath: shop/db, secretKey: password }, { objectName: b, secretPath: no }]";
    assert!(rig.ask(pod("shop", "web"), objects).await.is_err());
    assert_eq!(*rig.heard.0.lock().unwrap(), ["local read not_found", "local read ok"]);
    let reader = Reader { pod: pod("shop", "web"), document: rig.document().await.unwrap() };
    let shown = format!("{reader:?} {:?}", rig.local);
    assert!(!shown.contains("s3cr3t") && !shown.contains("only-text"), "{shown}");
}
