//! Requests in an hour of refreshes each 75 s, beside the incumbents' 48 logins and
//! 48 reads an object (docs/performance.md has the table; `--nocapture` prints it).

use super::*;

const PODS: usize = 110;
const OBJECTS: &str = "kv:a kv:b";
const CADENCE: Duration = Duration::from_secs(75);

/// Logins and reads of the second hour, a pod's part of them: the first hour has the first mounts.
async fn an_hour(interval: &str, account: impl Fn(usize) -> String) -> (f64, f64) {
    let world = World::new();
    let pods: Vec<_> = (0..PODS).map(|at| pod("app", &account(at), &format!("pod-{at}"))).collect();
    let class = [("objects", OBJECTS), ("refreshInterval", interval)];
    let mut before = (0, 0);
    for round in 0..96 {
        if round == 48 {
            before = (world.paper.count("login"), world.paper.count("read"));
        }
        if round % 38 == 37 {
            // The kubelet's 48 minutes.
            world.token.lock().unwrap().clear();
        }
        for pod in &pods {
            world.ask_with(pod, &class).await.unwrap();
            drive(CADENCE / u32::try_from(PODS).unwrap()).await;
        }
    }
    let part = |now: usize, before: usize| f64::from(u32::try_from(now - before).unwrap()) / 110.0;
    (part(world.paper.count("login"), before.0), part(world.paper.count("read"), before.1))
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_pod_in_an_hour() {
    println!("| refreshInterval | 110 replicas: logins, reads | 110 workloads: logins, reads | incumbent |");
    for (interval, most_shared, most_own) in [("60s", 1.1, 96.0), ("5m", 0.25, 26.0), ("1h", 0.05, 4.0)] {
        let shared = an_hour(interval, |_| "web".into()).await;
        let own = an_hour(interval, |at| format!("web-{at}")).await;
        println!("| {interval} | {:.2}, {:.2} | {:.2}, {:.2} | 48, 96 |", shared.0, shared.1, own.0, own.1);
        assert!(shared.1 <= most_shared && own.1 <= most_own, "{interval}: {shared:?} {own:?}");
        assert!(shared.0 <= 2.5 && own.0 <= 2.5, "{interval}: {shared:?} {own:?}");
    }
}
