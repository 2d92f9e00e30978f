use std::ops::Range;

/// Which part of a file somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes.
    Of(Range<u64>),
    /// Bytes of which it has none.
    None,
}

impl Part {
    /// What a `Range` header asks of a file of this size (RFC 9110, 14.2). Several parts at once, other units and what makes no sense are taken for
    /// all of it, as they may be.
    pub(super) fn of(wanted: &str, size: u64) -> Self {
        let Some((first, last)) = wanted.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return Self::Whole };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(first) || !digits(last) {
            return Self::Whole;
        }
        // What has more digits than a number holds is behind every end.
        let number = |text: &str| text.parse().unwrap_or(u64::MAX);
        let part = match (first, last) {
            ("", "") => return Self::Whole,
            ("", last) => size.saturating_sub(number(last))..size,
            (first, "") => number(first)..size,
            (first, last) if number(last) < number(first) => return Self::Whole,
            (first, last) => number(first)..number(last).saturating_add(1).min(size),
        };
        if part.is_empty() { Self::None } else { Self::Of(part) }
    }
}

#[cfg(test)]
mod tests {
    use super::Part::{None, Of, Whole};
    use super::*;

    #[test]
    fn a_part_is_what_the_header_says_of_the_file() {
        for (wanted, part) in [
            ("bytes=0-0", Of(0..1)),
            ("bytes=2-5", Of(2..6)),
            ("bytes=2-", Of(2..10)),
            ("bytes=2-99", Of(2..10)),
            ("bytes=2-99999999999999999999999", Of(2..10)),
            ("bytes=-3", Of(7..10)),
            ("bytes=-99", Of(0..10)),
            ("bytes=9-9", Of(9..10)),
            ("bytes=10-", None),
            ("bytes=10-12", None),
            ("bytes=99999999999999999999999-", None),
            ("bytes=-0", None),
            ("bytes=5-2", Whole),
            ("bytes=-", Whole),
            ("bytes=", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=0-1,4-5", Whole),
            ("bytes=0-1-2", Whole),
            ("items=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(Part::of(wanted, 10), part, "{wanted}");
        }
    }
}
