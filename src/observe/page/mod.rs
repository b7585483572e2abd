//! The page for humans, at `/` of the admin address: what the series say, at a glance.
//!
//! One document without anything from elsewhere: no script, and a policy that lets nothing in. Names
//! of classes are their authors' words; `maud` escapes whatever is put into it.

mod recent;
mod view;

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use self::recent::Recent;
pub(super) use self::view::View;
use self::view::{Pod, Provider, State};
use crate::time::age::{ago, relative};

const STYLE: &str = include_str!("style.css");
/// Seconds until the browser asks again.
const AGAIN: &str = "30";
/// The sparkline's size.
const WIDTH: u16 = 180;
const HEIGHT: f64 = 32.0;

/// Only this very style may apply, and nothing else may load, run, frame or be sent.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

/// What is sent beside the page.
pub(super) fn headers() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let policy = POLICY.clone().unwrap_or_else(|| HeaderValue::from_static("default-src 'none'"));
    [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFRESH, HeaderValue::from_static(AGAIN)),
    ]
    .into_iter()
}

/// The page.
pub(super) fn html(view: &View) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "keymount" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "keymount" span.version { (env!("CARGO_PKG_VERSION")) } }
                    (verdict(view))
                }
                main {
                    section.providers aria-label="Providers" {
                        @for one in &view.providers { (provider(one)) }
                    }
                    (classes(view))
                    @if let Some(list) = &view.pods { (pods(list, view.now)) }
                }
                footer {
                    p { "Counts are since this process began, on this node; " (bytes(view.kept_bytes)) " of values are kept. "
                        "Shown anew every " (AGAIN) " s." }
                    p { a href="/metrics" { "metrics" } " " a href="/readyz" { "readiness" } }
                }
            }
        }
    };
    page.into_string()
}

/// One sentence that says whether to read on.
fn verdict(view: &View) -> Markup {
    let down = view.providers.iter().filter(|provider| !provider.ready).count();
    let troubled = view.classes.iter().filter(|(_, state)| state.is_troubled()).count();
    let good = down == 0 && troubled == 0;
    html! {
        p.verdict.bad[!good] role="status" {
            @if good { "All is well" }
            @if down > 0 { (counted(down, "provider", "providers")) " not ready" }
            @if down > 0 && troubled > 0 { ", " }
            @if troubled > 0 { (counted(troubled, "class", "classes")) " in trouble" }
        }
    }
}

fn provider(one: &Provider) -> Markup {
    let last = one.latency.iter().rev().flatten().next();
    html! {
        article {
            h2 { (one.name) (badge(if one.ready { "ready" } else { "not ready" }, one.ready)) }
            dl {
                div { dt { "sessions" } dd { (one.sessions) } }
                div { dt { "leases" } dd { (one.leases) } }
                @if one.never_refreshed > 0 {
                    div { dt { "never refreshed" } dd.bad { (one.never_refreshed) } }
                }
                div { dt { "request" } dd { @if let Some(last) = last { (millis(*last)) } @else { "–" } } }
            }
            (sparkline(&one.latency))
        }
    }
}

/// The last hour's requests, a point a minute; gaps where nobody asked.
fn sparkline(latency: &[Option<Duration>]) -> Markup {
    let most = latency.iter().flatten().max().copied().unwrap_or_default();
    if most.is_zero() {
        return html! { p.quiet { "No request in the last hour" } };
    }
    let step = f64::from(WIDTH) / 60.0;
    let mut lines = String::new();
    let mut is_open = false;
    let mut x = step / 2.0;
    for minute in latency {
        if let Some(took) = minute {
            let y = HEIGHT - 3.0 - took.as_secs_f64() / most.as_secs_f64() * (HEIGHT - 6.0);
            // A minute by itself is a dot: a line of no length with round ends.
            let pen = if is_open { format!("L{x:.1} {y:.1}") } else { format!("M{x:.1} {y:.1}h.01") };
            lines.push_str(&pen);
        }
        is_open = minute.is_some();
        x += step;
    }
    let said = format!("Mean request time of each minute of the last hour, at most {}", millis(most));
    html! {
        svg.spark viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(said) {
            path d=(lines) {}
        }
        p.quiet { "last hour, at most " (millis(most)) }
    }
}

fn classes(view: &View) -> Markup {
    html! {
        section {
            h2 { "Classes" }
            @if view.classes.is_empty() {
                p.quiet { "No pod of this node has asked yet." }
            } @else {
                table {
                    thead { tr {
                        th scope="col" { "Class" } th scope="col" { "Last Mount" } th scope="col" { "Last success" }
                        th scope="col" { "Soonest expiry" } th scope="col" { "Mounts" } th scope="col" { "Trouble" }
                    } }
                    tbody { @for ((provider, namespace, name), state) in &view.classes {
                        tr.troubled[state.is_troubled()] {
                            th scope="row" { (namespace) "/" b { (name) } span.quiet { " " (provider) } }
                            td data-label="Last Mount" { (badge(state.word(), state.went.failing.is_none())) }
                            td data-label="Last success" { (past(state.went.last_success, view.now)) }
                            td data-label="Soonest expiry" { (end(state.soonest, state.overdue > 0, view.now)) }
                            td data-label="Mounts" { (state.went.succeeded) " ok, " (state.went.failed) " failed" }
                            td data-label="Trouble" { (trouble(state)) }
                        }
                    } }
                }
            }
        }
    }
}

fn trouble(state: &State) -> Markup {
    html! {
        @if state.stale > 0 { span.bad { (counted(state.stale, "pod", "pods")) " on old files" } }
        @if state.stale > 0 && state.overdue > 0 { ", " }
        @if state.overdue > 0 { span.bad { (counted(state.overdue, "lease", "leases")) " overdue" } }
        @if state.stale == 0 && state.overdue == 0 { "–" }
    }
}

fn pods(list: &[Pod], now: u64) -> Markup {
    html! {
        section {
            h2 { "Pods" }
            @if list.is_empty() {
                p.quiet { "Nothing is kept for any pod." }
            } @else { table {
                thead { tr {
                    th scope="col" { "Pod" } th scope="col" { "Classes" } th scope="col" { "Provider" }
                    th scope="col" { "Last refresh" } th scope="col" { "Soonest expiry" }
                } }
                tbody { @for pod in list {
                    tr.troubled[pod.failing || pod.overdue] {
                        th scope="row" { (pod.name) }
                        td data-label="Classes" { (if pod.classes.is_empty() { "–" } else { &pod.classes }) }
                        td data-label="Provider" { (pod.provider) }
                        td data-label="Last refresh" {
                            (past(pod.last_refresh, now)) @if pod.failing { " " (badge("failing", false)) }
                        }
                        td data-label="Soonest expiry" { (end(pod.soonest, pod.overdue, now)) }
                    }
                } }
            } }
        }
    }
}

fn badge(text: &str, good: bool) -> Markup {
    html! { span.badge.good[good].bad[!good] { (text) } }
}

fn past(time: Option<u64>, now: u64) -> String {
    time.map_or_else(|| "–".to_owned(), |time| ago(time, now))
}

fn end(time: Option<u64>, overdue: bool, now: u64) -> Markup {
    let text = time.map_or_else(|| "–".to_owned(), |time| relative(time, now));
    html! { span.bad[overdue] { (text) } }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

fn bytes(count: usize) -> String {
    match count {
        0..1024 => format!("{count} bytes"),
        1024..1_048_576 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}

#[cfg(test)]
mod tests;
