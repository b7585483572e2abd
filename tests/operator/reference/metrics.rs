//! The page of metrics, from the table in `observe`.

use keymount::observe::{Shape, definitions};

use super::{code, held, table};

#[test]
fn metrics_page_is_current() {
    let rows = definitions().iter().map(|define| {
        let labels: Vec<_> = define.labels.iter().map(|label| code(label)).collect();
        let buckets = match define.shape {
            Shape::Histogram(buckets) => {
                let bounds: Vec<_> = buckets.iter().map(ToString::to_string).collect();
                format!(" Buckets: {} s.", bounds.join(", "))
            }
            Shape::Counter | Shape::Gauge => String::new(),
        };
        let what = format!("{}. {}{buckets}", define.help, define.notes);
        vec![code(define.name), define.shape.to_string(), labels.join(", "), what.trim().to_owned()]
    });
    let page = format!(
        "# Metrics\n\n\
         Made of the code by `make docs-reference`. `GET /metrics` on the admin address and socket, Prometheus text; \
         `process_*` beside these {count}.\n\n{table}\n\
         At most `--metrics-max-classes` classes have series of their own, a quarter of them in one namespace; the rest \
         are `other`. No pod, path or secret is ever a label. Scrape with `honor_labels: true`, else Prometheus renames \
         `namespace` to `exported_namespace`.\n\n\
         Alerts: [runbooks](../runbooks/README.md). Kinds of error: [errors](errors.md).\n",
        count = definitions().len(),
        table = table(&["name", "type", "labels", "what"], rows),
    );
    held("metrics", &page);
}
