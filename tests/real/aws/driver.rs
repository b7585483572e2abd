//! Through the real driver and its writer.

use std::time::Duration;

use serde_json::json;

use super::World;
use crate::support::csi::{Driver, Options};

#[tokio::test(flavor = "multi_thread")]
async fn a_pods_files_follow_a_rotation_in_secrets_manager() {
    let Some(world) = World::new("aws-drv").await else { return };
    let Some(driver) = Driver::start(world.kube, &world.keymount.providers(), Options::default()).await
    else {
        return;
    };
    world.aws.secret("aws-drv/db", &json!({"user": "app-user", "password": "hunter2-but-longer"})).await;
    world.aws.parameter("/p-drv/level", "value-of-level").await;
    let objects = "\
- objectName: aws-drv/db
  objectType: secretsmanager
  objectAlias: db
  jmesPath: [{path: password, objectAlias: password, filePermission: '0400'}]
- objectName: /p-drv/level
  objectType: ssmparameter
";
    let class = [("roleArn", world.role.as_str()), ("objects", objects)];
    world.kube.class("aws-drv", "web-secrets", "aws", &class, None).await;
    let pod = world.pod("a", "web").await;
    driver
        .kubelet_publish(&pod, &world.tokens(&pod).await)
        .await
        .unwrap_or_else(|status| panic!("{status:?}\n{}", world.keymount.logs()));
    let tree = driver.tree(&pod);
    assert_eq!(tree["password"], (0o400, b"hunter2-but-longer".to_vec()));
    assert_eq!(tree["_p-drv_level"], (0o644, b"value-of-level".to_vec()));
    world.aws.rotate("aws-drv/db", r#"{"user":"app-user","password":"rotated-value"}"#).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    driver.republish(&pod, &world.tokens(&pod).await).await.unwrap();
    assert_eq!(driver.tree(&pod)["password"].1, b"rotated-value");
    driver.unpublish(&pod).await.unwrap();
}
