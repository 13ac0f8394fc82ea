//! Timestamps as SOPS types and prints them: RFC 3339, the fraction as long as needed, the offset kept
//! (SOPS reference 4.1, 6.1, 10.3).
//!
//! Never asks for the time and never converts between zones.

/// A valid timestamp, held as its printed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    text: String,
    /// Where the fraction begins, if there is one.
    fraction: Option<usize>,
}

struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let len = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if len < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        digits.parse().ok()
    }

    fn skip(&mut self, any_of: &[char]) -> Option<char> {
        let c = self.rest.chars().next().filter(|c| any_of.contains(c))?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Digits behind a point, without the zeros at the end.
    fn fraction(&mut self) -> Option<&'a str> {
        if self.skip(&['.', ',']).is_none() {
            return Some("");
        }
        let len = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        (len > 0).then(|| digits[..len.min(9)].trim_end_matches('0'))
    }

    fn offset(&mut self) -> Option<String> {
        if self.skip(&['Z']).is_some() {
            return Some("Z".to_owned());
        }
        let sign = self.skip(&['+', '-'])?;
        let hours = self.digits(2, 2).filter(|h| *h <= 24)?;
        self.skip(&[':'])?;
        let minutes = self.digits(2, 2).filter(|m| *m < 60)?;
        Some(if hours == 0 && minutes == 0 { "Z".to_owned() } else { format!("{sign}{hours:02}:{minutes:02}") })
    }
}

/// How many digits date and time fields may have, and what may stand between and behind them.
struct Shape {
    short_fields: bool,
    separators: &'static [char],
    zone: bool,
}

impl Moment {
    /// Strict RFC 3339 with an offset.
    #[must_use]
    pub fn rfc3339(text: &str) -> Option<Self> {
        let shape = Shape { short_fields: false, separators: &['T'], zone: true };
        Self::read(text, &shape)
    }

    /// The forms that a plain YAML scalar may take (reference 10.3).
    pub(crate) fn yaml(text: &str) -> Option<Self> {
        if !text.as_bytes().get(..5).is_some_and(|start| start[..4].iter().all(u8::is_ascii_digit) && start[4] == b'-')
        {
            return None;
        }
        let zoned = Shape { short_fields: true, separators: &['T', 't'], zone: true };
        let local = Shape { short_fields: true, separators: &[' '], zone: false };
        Self::date_only(text).or_else(|| Self::read(text, &zoned)).or_else(|| Self::read(text, &local))
    }

    fn date_only(text: &str) -> Option<Self> {
        let mut scan = Scan { rest: text };
        let date = date(&mut scan, 1)?;
        scan.rest.is_empty().then(|| Self { text: format!("{date}T00:00:00Z"), fraction: None })
    }

    fn read(text: &str, shape: &Shape) -> Option<Self> {
        let mut scan = Scan { rest: text };
        let least = if shape.short_fields { 1 } else { 2 };
        let date = date(&mut scan, least)?;
        scan.skip(shape.separators)?;
        let hour = scan.digits(least, 2).filter(|h| *h < 24)?;
        scan.skip(&[':'])?;
        let minute = scan.digits(least, 2).filter(|m| *m < 60)?;
        scan.skip(&[':'])?;
        let second = scan.digits(least, 2).filter(|s| *s < 60)?;
        let fraction = scan.fraction()?;
        let zone = if shape.zone { scan.offset()? } else { "Z".to_owned() };
        if !scan.rest.is_empty() {
            return None;
        }
        let mut text = format!("{date}T{hour:02}:{minute:02}:{second:02}");
        let start = text.len();
        if !fraction.is_empty() {
            text.push('.');
            text.push_str(fraction);
        }
        let fraction = (!fraction.is_empty()).then_some(start);
        text.push_str(&zone);
        Some(Self { text, fraction })
    }

    /// The printed form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The printed form without the fraction of a second.
    pub(crate) fn whole_seconds(&self) -> String {
        let Some(start) = self.fraction else {
            return self.text.clone();
        };
        let behind = self.text[start..].find(['Z', '+', '-']).map_or(self.text.len(), |at| start + at);
        format!("{}{}", &self.text[..start], &self.text[behind..])
    }
}

fn date(scan: &mut Scan<'_>, least: usize) -> Option<String> {
    let year = scan.digits(4, 4)?;
    scan.skip(&['-'])?;
    let month = scan.digits(least, 2)?;
    scan.skip(&['-'])?;
    let day = scan.digits(least, 2)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn yaml_timestamps_are_printed_as_rfc_3339() {
        let cases = [
            ("2020-01-02", Some("2020-01-02T00:00:00Z")),
            ("2020-1-2", Some("2020-01-02T00:00:00Z")),
            ("2020-01-02T03:04:05.123Z", Some("2020-01-02T03:04:05.123Z")),
            ("2020-01-02t3:4:5.10+02:00", Some("2020-01-02T03:04:05.1+02:00")),
            ("2020-01-02 03:04:05", Some("2020-01-02T03:04:05Z")),
            ("2020-01-02 03:04:05Z", None),
            ("2020-01-02T03:04:05", None),
            ("2021-02-29", None),
            ("2020-02-29", Some("2020-02-29T00:00:00Z")),
            ("2020-13-01", None),
            ("20-01-02", None),
            ("2020", None),
        ];
        for (text, want) in cases {
            assert_eq!(Moment::yaml(text).as_ref().map(Moment::as_str), want, "{text}");
        }
    }

    #[test]
    fn the_mac_uses_whole_seconds() {
        let cases = [
            ("2026-11-23T07:05:41+00:00", "2026-11-23T07:05:41Z"),
            ("2026-11-23T07:05:41.250Z", "2026-11-23T07:05:41Z"),
            ("2026-11-23T07:05:41.25-01:30", "2026-11-23T07:05:41-01:30"),
        ];
        for (text, want) in cases {
            assert_eq!(Moment::rfc3339(text).map(|m| m.whole_seconds()).as_deref(), Some(want));
        }
    }
}
