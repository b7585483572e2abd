//! How long what was read for a pod is kept, and where it outlives the process.

use std::path::PathBuf;
use std::time::Duration;

use super::parse::{duration, positive};
use super::values::{Values, boolean};

/// Sessions: what was read for a pod, between its Mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// Whether there are any.
    pub keep: bool,
    /// Whether pods of equal authority may share a read.
    pub share: bool,
    /// Sessions at a time.
    pub max_sessions: usize,
    /// Bytes that all of them keep together.
    pub max_bytes: usize,
    /// How long a value is good, where a class says nothing.
    pub refresh: Duration,
    /// The least that a class may say.
    pub floor: Duration,
    /// How long a token that was proved needs no new proof.
    pub reauth: Duration,
    /// How long a pod that nobody asks for is kept alive.
    pub idle: Duration,
    /// The hand-off folder.
    pub handoff: Option<PathBuf>,
    /// The kubelet's folder of pods, if it says which pods exist.
    pub liveness: Option<PathBuf>,
}

/// The settings of sessions. What is wrong stands as zero, and has left a fault behind.
pub(super) fn read(values: &mut Values) -> Sessions {
    let sessions = Sessions {
        keep: values.parsed("sessions", on_off).unwrap_or_default(),
        share: values.parsed("shared-reads", on_off).unwrap_or_default(),
        max_sessions: values.parsed("max-sessions", positive).unwrap_or_default(),
        max_bytes: values.parsed("max-session-bytes", positive).unwrap_or_default(),
        refresh: values.parsed("refresh-interval", span).unwrap_or_default(),
        floor: values.parsed("min-refresh-interval", span).unwrap_or_default(),
        reauth: values.parsed("reauth-interval", span).unwrap_or_default(),
        idle: values.parsed("session-idle", span).unwrap_or_default(),
        handoff: values.text("handoff").map(PathBuf::from),
        liveness: liveness(values),
    };
    // A refresh of zero is a fault already.
    if !sessions.refresh.is_zero() && sessions.refresh < sessions.floor {
        let [refresh, floor] = [sessions.refresh, sessions.floor].map(humantime::format_duration);
        values.fault(format!("--refresh-interval: {refresh} is less than --min-refresh-interval, {floor}"));
    }
    sessions
}

fn liveness(values: &mut Values) -> Option<PathBuf> {
    let kubelet = values.parsed("pod-liveness", |text| match text {
        "none" => Ok(false),
        "kubelet-dir" => Ok(true),
        _ => Err("not none or kubelet-dir"),
    });
    let dir = values.parsed("kubelet-pods-dir", |text| match text {
        "" => Err("no folder"),
        text => Ok(PathBuf::from(text)),
    });
    dir.filter(|_| kubelet == Some(true))
}

fn span(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|span| if span.is_zero() { Err("not more than 0".into()) } else { Ok(span) })
}

/// YAML and Go write a switch in words of their own.
fn on_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => boolean(text).map_err(|_| "not on or off"),
    }
}
