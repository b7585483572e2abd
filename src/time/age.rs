//! Times as one says them: `in 12m`, `40s ago`.

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `time` as seen from `now`, both in seconds since 1970.
pub fn relative(time: u64, now: u64) -> String {
    match time.checked_sub(now) {
        Some(left) => format!("in {}", short(left)),
        None => format!("{} ago", short(now - time)),
    }
}

/// When something was; a time just ahead is a clock read twice, not a future.
pub fn ago(time: u64, now: u64) -> String {
    format!("{} ago", short(now.saturating_sub(time)))
}

/// The largest unit, and for hours and days the next one: nobody needs more.
fn short(seconds: u64) -> String {
    let (whole, part) = match seconds {
        DAY.. => (format!("{}d", seconds / DAY), format!("{}h", seconds % DAY / HOUR)),
        HOUR.. => (format!("{}h", seconds / HOUR), format!("{}m", seconds % HOUR / MINUTE)),
        MINUTE.. => return format!("{}m", seconds / MINUTE),
        _ => return format!("{seconds}s"),
    };
    // Past a hundred days hours say nothing, and the column has an end.
    if part.starts_with('0') || seconds >= 100 * DAY { whole } else { whole + &part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_say_which_side_they_are_on() {
        for (time, said) in [
            (1_000_000, "in 0s"),
            (1_000_040, "in 40s"),
            (1_000_779, "in 12m"),
            (1_003_600, "in 1h"),
            (1_003_960, "in 1h6m"),
            (1_086_399, "in 23h59m"),
            (1_000_000 + 2 * DAY + 3 * HOUR, "in 2d3h"),
            (1_000_000 + 400 * DAY + 3 * HOUR, "in 400d"),
            (999_999, "1s ago"),
            (999_879, "2m ago"),
        ] {
            assert_eq!(relative(time, 1_000_000), said);
        }
        assert_eq!((ago(60, 100).as_str(), ago(101, 100).as_str()), ("40s ago", "0s ago"));
    }
}
