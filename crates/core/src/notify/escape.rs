//! Untrusted text, made harmless for each channel: one line, cut, nothing in it is markup, a mention or a link.

/// Longest text that is shown whole, in characters.
const LONGEST: usize = 300;

/// For a person who reads plain text, and for headers: one line of visible characters.
pub(super) fn plain(text: &str) -> String {
    let hidden = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}');
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(hidden).collect();
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// For HTML.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// For Slack's mrkdwn: the three characters it wants escaped; what would be markup is kept from being it by a joiner nobody sees.
pub(super) fn slack(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '*' | '_' | '~' | '`' | '@' | '#' => {
                escaped.push(c);
                escaped.push('\u{2060}');
            }
            // an address is not made a link by itself
            ':' => escaped.push_str(":\u{2060}"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// For the text of an Adaptive Card, which is a subset of Markdown.
pub(super) fn card(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '<' | '>' | '&' | '+') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
