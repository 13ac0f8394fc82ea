//! The little of git's packet format the stand-in reads: the commands of a push and its report.

use crate::state::landed::RefChange;

/// Splits packets; None marks a flush. Stops at the first thing that is no packet.
fn packets(mut bytes: &[u8]) -> Vec<Option<&[u8]>> {
    let mut found = Vec::new();
    while bytes.len() >= 4 {
        let length = std::str::from_utf8(&bytes[..4]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        match length {
            Some(0) => {
                found.push(None);
                bytes = &bytes[4..];
            }
            Some(length) if length >= 4 && length <= bytes.len() => {
                found.push(Some(&bytes[4..length]));
                bytes = &bytes[length..];
            }
            Some(_) | None => break,
        }
    }
    found
}

fn packet(data: &[u8]) -> Vec<u8> {
    let mut out = format!("{:04x}", data.len() + 4).into_bytes();
    out.extend_from_slice(data);
    out
}

/// The references a push wants to move.
pub(crate) fn commands(body: &[u8]) -> Vec<RefChange> {
    packets(body)
        .into_iter()
        .map_while(|packet| packet)
        .filter_map(|line| {
            let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
            change(String::from_utf8_lossy(line).trim_end())
        })
        .collect()
}

/// Reads `old new refname`.
pub(crate) fn change(line: &str) -> Option<RefChange> {
    let mut parts = line.splitn(3, ' ');
    let (before, after, refname) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    (hex(before) && hex(after)).then(|| RefChange {
        refname: refname.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

/// Replaces git's reason for a refused reference by GitHub's in the report of a push.
pub(crate) fn in_githubs_words(body: &[u8]) -> Vec<u8> {
    const THEIRS: &str = "pre-receive hook declined";
    const OURS: &str = "push declined due to repository rule violations";
    let lines = packets(body);
    let mut report = Vec::new();
    let mut out = Vec::new();
    for line in lines.iter().flatten() {
        match line.first() {
            Some(1) => report.extend_from_slice(&line[1..]),
            Some(_) | None => out.extend(packet(line)),
        }
    }
    if !String::from_utf8_lossy(&report).contains(THEIRS) {
        return body.to_vec();
    }
    let mut inner = Vec::new();
    for line in packets(&report) {
        match line {
            Some(line) => {
                let text = String::from_utf8_lossy(line).replace(THEIRS, OURS);
                inner.extend(packet(text.as_bytes()));
            }
            None => inner.extend(b"0000"),
        }
    }
    let mut banded = vec![1];
    banded.extend(inner);
    out.extend(packet(&banded));
    out.extend(b"0000");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_push_are_read_up_to_the_flush() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let mut body = packet(format!("{a} {b} refs/heads/x\0report-status side-band-64k").as_bytes());
        body.extend(packet(format!("{a} {b} refs/heads/y").as_bytes()));
        body.extend(b"0000PACK....");
        let names: Vec<String> = commands(&body).into_iter().map(|c| c.refname).collect();
        assert_eq!(names, ["refs/heads/x", "refs/heads/y"]);
    }

    #[test]
    fn a_refused_reference_is_told_in_githubs_words() {
        let mut report = packet(b"unpack ok\n");
        report.extend(packet(b"ng refs/heads/main pre-receive hook declined\n"));
        report.extend(b"0000");
        let mut band = vec![1];
        band.extend(&report);
        let mut body = packet(b"\x02error: GH013\n");
        body.extend(packet(&band));
        body.extend(b"0000");
        let text = String::from_utf8_lossy(&in_githubs_words(&body)).into_owned();
        assert!(text.contains("ng refs/heads/main push declined due to repository rule violations"));
        assert!(text.contains("error: GH013"));
        assert_eq!(packets(text.as_bytes()).len(), 3);
    }
}
