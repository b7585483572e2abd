//! How long what was read for a pod is kept, and where it outlives the process.

use std::path::PathBuf;
use std::time::Duration;

use super::parse::{duration, positive};
use super::values::{Values, boolean};
use crate::lease::Policy;

/// Sessions: what was read for a pod, between its Mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// How long what is kept, and how much.
    pub policy: Policy,
    /// The hand-off folder.
    pub handoff: Option<PathBuf>,
    /// The kubelet's folder of pods, if it says which pods exist.
    pub liveness: Option<PathBuf>,
}

/// The settings of sessions. What is wrong stands as zero, and has left a fault behind.
pub(super) fn read(values: &mut Values) -> Sessions {
    let policy = Policy {
        keep: values.parsed("sessions", on_off).unwrap_or_default(),
        share: values.parsed("shared-reads", on_off).unwrap_or_default(),
        max_sessions: values.parsed("max-sessions", positive).unwrap_or_default(),
        max_bytes: values.parsed("max-session-bytes", positive).unwrap_or_default(),
        refresh: values.parsed("refresh-interval", span).unwrap_or_default(),
        floor: values.parsed("min-refresh-interval", span).unwrap_or_default(),
        reauth: values.parsed("reauth-interval", span).unwrap_or_default(),
        idle: values.parsed("session-idle", span).unwrap_or_default(),
    };
    // A refresh of zero is a fault already.
    if !policy.refresh.is_zero() && policy.refresh < policy.floor {
        let [refresh, floor] = [policy.refresh, policy.floor].map(humantime::format_duration);
        values.fault(format!("--refresh-interval: {refresh} is less than --min-refresh-interval, {floor}"));
    }
    Sessions { policy, handoff: values.text("handoff").map(PathBuf::from), liveness: liveness(values) }
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
pub(super) fn on_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => boolean(text).map_err(|_| "not on or off"),
    }
}
