//! The Grafana dashboard: a sound document whose every expression a real Prometheus takes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keymount::observe::definitions;
use serde_json::Value;

use crate::alerts;
use crate::expressions;
use crate::prometheus::Prometheus;
use crate::support::eventually;
use crate::world::{OBJECTS, World, pod};

fn dashboard() -> Value {
    serde_json::from_str(&std::fs::read_to_string("charts/keymount/files/dashboard.json").unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().unwrap().iter().collect()
}

/// Each expression with its panel's title.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let targets = panels(dashboard).into_iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    });
    targets.collect()
}

/// The expression as Grafana sends it, with every variable at "All".
fn filled(expression: &str) -> String {
    let variables = ["$provider", "$namespace", "$class"];
    let all = variables.iter().fold(expression.to_owned(), |text, name| text.replace(name, ".*"));
    all.replace("$__rate_interval", "1m")
}

#[test]
fn the_dashboard_is_sound() {
    let dashboard = dashboard();
    for key in ["title", "uid", "schemaVersion", "templating", "time"] {
        assert!(!dashboard[key].is_null(), "{key}");
    }
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeMap::new());
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is not its own");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{title} is wider than the page");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            let other = cells.insert(cell, title);
            assert!(other.is_none(), "{title} lies over {other:?}");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title} shows nothing");
    }
    let variables: Vec<_> = dashboard["templating"]["list"].as_array().unwrap().iter().collect();
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "provider", "namespace", "class"]);
}

/// And shows all of them: n of n.
#[test]
fn it_shows_every_metric_and_names_none_that_is_not() {
    let (mut used, mut faults) = (BTreeSet::new(), Vec::new());
    for (title, expression) in queries(&dashboard()) {
        let (named, found) = expressions::check(&expression);
        used.extend(named);
        faults.extend(found.into_iter().map(|fault| format!("{title}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let all: BTreeSet<_> = definitions().iter().map(|define| define.name).collect();
    assert_eq!(all, used, "defined, shown");
}

/// What is there when one pod was mounted and one was refused.
const FILLED: [&str; 8] = [
    "Nodes",
    "Mounts that fail",
    "Mounts by outcome",
    "How long Mounts take",
    "Last success, by class",
    "Requests by operation",
    "Mounts without proof",
    "Memory",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_takes_every_expression_and_evaluates_every_alert() {
    let world = World::new().await;
    let Some(prometheus) = Prometheus::start(world.keymount.admin_port()).await else { return };
    let good = world.mount(&pod("a"), OBJECTS);
    // Two scrapes with something between them, so that there is a rate.
    for _ in 0..6 {
        world.call(&good).await.unwrap();
        world.refused(&good.clone().without("csi.storage.k8s.io/serviceAccount.tokens")).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let (mut faults, mut empty) = (Vec::new(), Vec::new());
    for (title, expression) in queries(&dashboard()).into_iter().chain(alerts::runbook_queries()) {
        match prometheus.query(&filled(&expression)).await {
            Ok(series) if series.is_empty() => empty.push(title),
            Ok(_) => {}
            Err(error) => faults.push(format!("{title}: {expression}: {error}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let missing: Vec<_> = FILLED.iter().filter(|title| empty.iter().any(|empty| empty == *title)).collect();
    assert!(missing.is_empty(), "nothing in {missing:?}");
    // The class's own namespace, not the scraped pod's.
    let ours = prometheus.query(r#"keymount_mounts_total{namespace="shop"}"#).await.unwrap();
    assert!(!ours.is_empty());
    let healthy = eventually(Duration::from_secs(20), || async {
        let answer = prometheus.get("api/v1/rules").await.unwrap();
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules: Vec<_> =
            groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect();
        rules.len() == alerts::rules().len() && rules.iter().all(|rule| rule["health"] == "ok")
    });
    assert!(healthy.await, "{:?}", prometheus.get("api/v1/rules").await);
}
