//! When a Mount must be answered: earlier than the driver's own timer, so that
//! the driver gets our text and our code, never its own.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// The longest a Mount may take: the kubelet gives 2 minutes, old drivers give no end at all.
const LONGEST: Duration = Duration::from_secs(110);
const LEAST_MARGIN: Duration = Duration::from_millis(250);
const MOST_MARGIN: Duration = Duration::from_secs(2);

/// The time left for a call with these headers (decision 8).
pub(super) fn allowed(metadata: &MetadataMap) -> Duration {
    let asked = metadata.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse);
    let limit = asked.map_or(LONGEST, |asked| asked.min(LONGEST));
    limit.saturating_sub((limit / 10).clamp(LEAST_MARGIN, MOST_MARGIN))
}

/// At most eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(count * 3600),
        'M' => Duration::from_secs(count * 60),
        'S' => Duration::from_secs(count),
        'm' => Duration::from_millis(count),
        'u' => Duration::from_micros(count),
        'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(timeout: Option<&str>) -> Duration {
        let mut metadata = MetadataMap::new();
        if let Some(value) = timeout.and_then(|text| text.parse().ok()) {
            metadata.insert("grpc-timeout", value);
        }
        allowed(&metadata)
    }

    #[test]
    fn the_answer_comes_before_the_drivers_timer() {
        assert_eq!(with(Some("119556m")), Duration::from_secs(108), "the kubelet's two minutes");
        assert_eq!(with(None), Duration::from_secs(108), "old drivers' rotation");
        assert_eq!(with(Some("10S")), Duration::from_secs(9));
        assert_eq!(with(Some("1S")), Duration::from_millis(750));
        assert_eq!(with(Some("100m")), Duration::ZERO);
        assert_eq!(with(Some("99999999H")), Duration::from_secs(108));
    }

    #[test]
    fn what_is_no_timeout_is_ignored() {
        for bad in ["S", "1", "1x", "123456789S", "-1S", "1.5S"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
