#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]
//! Which hosts are asked in which partition: a proxy hears the names, and lets nobody through.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::credential::{Credential, Given};
use super::super::fake::Heard;
use super::super::{Aws, Config};
use crate::backend::{Backend, Parameters};
use crate::time::Deadline;

/// What clients of a proxy want to be connected to.
type Wanted = Arc<Mutex<BTreeSet<String>>>;

async fn proxy() -> (String, Wanted) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, wanted) = (format!("http://{}", listener.local_addr().unwrap()), Wanted::default());
    let heard = wanted.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).await.unwrap_or_default();
            let line = String::from_utf8_lossy(bytes.get(..count).unwrap_or_default()).into_owned();
            heard.lock().unwrap().extend(line.split_whitespace().nth(1).map(str::to_owned));
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    (address, wanted)
}

/// The hosts that a class of `region` has asked, as a signed caller.
async fn hosts(region: &str, config: Config) -> Vec<String> {
    let (address, wanted) = proxy().await;
    let config = Config { region: Some(region.into()), proxy: Some(address), ..config };
    let aws = Aws::new(config, None, Arc::new(Heard::default())).unwrap();
    let objects =
        "- {objectName: a, objectType: secretsmanager}\n- {objectName: b, objectType: ssmparameter}";
    let class = [
        ("roleArn", "arn:aws:iam::1:role/x"),
        ("assumeRoleArn", "arn:aws:iam::1:role/y"),
        ("objects", objects),
    ];
    let parameters: Parameters =
        class.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    let (scope, objects) = aws.parse(&parameters).unwrap();
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let keys = || Credentials::new("k", "s", Some("t".into()), Some(end), "test");
    let given = || Given {
        keys: keys(),
        arn: String::new(),
        account: String::new(),
        id: "k".into(),
        shares: false,
        chain: Vec::new(),
    };
    let by = || Deadline::after(Duration::from_millis(700));
    let reads: Vec<_> = aws.reads(&objects).into_iter().map(|need| need.read).collect();
    let credential = Credential::new(given(), &scope);
    let answers = aws.fetch(&credential, &reads, by()).await;
    assert!(answers.iter().all(Result::is_err));
    let sts = aws.sts(super::super::clients::Caller {
        keys: Some(&keys()),
        region,
        operation: "login",
        by: by(),
        patience: Duration::from_secs(1),
    });
    assert!(sts.assume_role().role_arn("arn:aws:iam::1:role/y").role_session_name("x").send().await.is_err());
    wanted.lock().unwrap().iter().cloned().collect()
}

#[tokio::test]
async fn every_partition_has_its_own_hosts() {
    for (region, fips, dual_stack, expected) in [
        (
            "eu-central-1",
            false,
            false,
            [
                "secretsmanager.eu-central-1.amazonaws.com",
                "ssm.eu-central-1.amazonaws.com",
                "sts.eu-central-1.amazonaws.com",
            ],
        ),
        (
            "cn-north-1",
            false,
            false,
            [
                "secretsmanager.cn-north-1.amazonaws.com.cn",
                "ssm.cn-north-1.amazonaws.com.cn",
                "sts.cn-north-1.amazonaws.com.cn",
            ],
        ),
        (
            "us-gov-west-1",
            true,
            false,
            [
                "secretsmanager-fips.us-gov-west-1.amazonaws.com",
                // GovCloud's own hosts of these two are FIPS hosts.
                "ssm.us-gov-west-1.amazonaws.com",
                "sts.us-gov-west-1.amazonaws.com",
            ],
        ),
        (
            "us-east-1",
            true,
            false,
            [
                "secretsmanager-fips.us-east-1.amazonaws.com",
                "ssm-fips.us-east-1.amazonaws.com",
                "sts-fips.us-east-1.amazonaws.com",
            ],
        ),
        (
            "us-east-1",
            false,
            true,
            // The SDK's own table: Secrets Manager has both families under its one name.
            ["secretsmanager.us-east-1.amazonaws.com", "ssm.us-east-1.api.aws", "sts.us-east-1.api.aws"],
        ),
    ] {
        let found = hosts(region, Config { fips, dual_stack, ..Config::default() }).await;
        assert_eq!(
            found,
            expected.map(|host| format!("{host}:443")),
            "{region} fips={fips} dual={dual_stack}"
        );
    }
}
