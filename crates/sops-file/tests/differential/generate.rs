//! Documents of every shape that a format can hold, from a seed.
//!
//! Leaves out only what is listed in `docs/sops.md` as a difference to sops.

use sops_file::Format;

use crate::model::{Case, Child, Node, TIMES};
use crate::rng::Rng;
use crate::write;

const SETTINGS: [(&str, &str); 9] = [
    ("unencrypted_suffix", "_plain"),
    ("encrypted_suffix", "_enc"),
    ("unencrypted_regex", "^(meta|x_)"),
    ("unencrypted_regex", "[0-9]$"),
    ("encrypted_regex", "^(data|stringData)$"),
    ("encrypted_regex", "\\w_enc$|\u{e9}|^k\\d"),
    ("unencrypted_comment_regex", "^ c[0-9]*7"),
    ("encrypted_comment_regex", "^ c[0-9]*[02468] "),
    ("encrypted_comment_regex", "^ c3"),
];

const KEYS: [&str; 40] = [
    "a",
    "b",
    "key",
    "data",
    "stringData",
    "meta",
    "metadata",
    "x_",
    "x_a",
    "a_enc",
    "b_plain",
    "k1",
    "k2",
    "name_unencrypted",
    "user",
    "password",
    "y",
    "no",
    "null",
    "true",
    "123",
    "1.5",
    "2020-01-02",
    "~",
    "with space",
    "a.b",
    "a:b",
    "a: b",
    "# hash",
    "é",
    "日本語",
    "\u{1f600}",
    "tab\there",
    "'quoted'",
    "\"dq\"",
    "[x]",
    "{x}",
    "- dash",
    "<<x",
    "a/b\\c",
];

const TEXTS: [&str; 58] = [
    "",
    "hello",
    "hunter2",
    "yes",
    "No",
    "on",
    "null",
    "~",
    "true",
    "123",
    "-5",
    "0x1F",
    "0777",
    "018",
    "1e3",
    ".5",
    "1_000",
    ".inf",
    "2020-01-02",
    "1:30",
    "<<",
    "=",
    "-",
    "- x",
    "? a",
    ": a",
    "a: b",
    "a:",
    "a #b",
    "#x",
    "'q'",
    "it's",
    "\"",
    "\\",
    "back\\slash",
    "%x",
    "@x",
    "`x`",
    "|",
    ">",
    "&a",
    "*a",
    "!t",
    "{}",
    "[]",
    ", ",
    " lead",
    "trail ",
    "tab\tin",
    "--- x",
    "...",
    "é",
    "日本語",
    "\u{1f600}",
    "\u{feff}bom",
    "nel\u{85}x",
    "\u{1}\u{7f}",
    "https://user:pw@host:5432/db?x=1&y=#z",
];

const LINES: [&str; 12] = [
    "two\nlines",
    "end\n",
    "more\n\n",
    "a\n\nb\n",
    "-----BEGIN KEY-----\nMIIEow\nAB==\n-----END KEY-----\n",
    "{\n  \"json\": true\n}\n",
    "space \nbefore break",
    "#!/bin/sh\necho hi # there\n",
    "win\r\nline\r\n",
    "a\tb\nc",
    "\n",
    "é\n日本語\n",
];

/// What stands before a first line that is indented makes sops write a wrong indent digit when it prints the
/// value in the clear inside a list; sealed they are the same as any other text.
const INDENTED: [&str; 3] = ["\nleading break", "  indented\nless\n", "\n\n"];

struct Maker<'r> {
    rng: &'r mut Rng,
    format: Format,
    setting: Option<&'static str>,
    budget: usize,
    comments: usize,
}

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut rng = Rng::new(seed);
    let format = match rng.below(100) {
        0..58 => Format::Yaml,
        58..72 => Format::Json,
        72..84 => Format::Dotenv,
        84..94 => Format::Ini,
        _ => Format::Binary,
    };
    let setting = (format != Format::Binary && rng.chance(55)).then(|| *rng.pick(&SETTINGS));
    let mac_only_encrypted = format != Format::Binary && rng.chance(20);
    let budget = *rng.pick(&[1, 3, 6, 10, 20, 40]);
    let mut maker = Maker { rng: &mut rng, format, setting: setting.map(|(name, _)| name), budget, comments: 0 };
    let documents = maker.documents();
    let mut case = Case { format, documents, bytes: Vec::new(), setting, mac_only_encrypted };
    case.bytes = match format {
        Format::Yaml => write::yaml::file(&case.documents, &mut rng).into_bytes(),
        Format::Json => write::flat::json(&case.documents[0], &mut rng).into_bytes(),
        Format::Dotenv => write::flat::dotenv(&case.documents[0], &mut rng).into_bytes(),
        Format::Ini => write::flat::ini(&case.documents[0], &mut rng).into_bytes(),
        Format::Binary => match &case.documents[0] {
            Node::Map(children) if children.is_empty() => (0..rng.below(300)).map(|_| rng.next() as u8).collect(),
            _ => write::flat::binary(&case.documents[0]),
        },
    };
    case
}

impl Maker<'_> {
    fn documents(&mut self) -> Vec<Node> {
        match self.format {
            Format::Yaml => {
                let count = if self.rng.chance(12) { self.rng.below(3) + 2 } else { 1 };
                (0..count).map(|_| self.map(0, true)).collect()
            }
            Format::Json => vec![self.map(0, true)],
            Format::Dotenv => vec![self.lines()],
            Format::Ini => vec![self.sections()],
            Format::Binary if self.rng.chance(50) => vec![Node::Map(Vec::new())],
            Format::Binary => vec![Node::Text(self.text())],
        }
    }

    fn comment(&mut self) -> String {
        self.comments += 1;
        let tail = self.rng.pick(&["x", "password: hunter2", "é", "- not an element", "\"q\"", "TODO # twice"]);
        format!(" c{} {tail}", self.comments)
    }

    /// Comments can be told from their places in YAML, dotenv and INI.
    fn may_comment(&mut self, in_list: bool) -> bool {
        let allowed = match self.format {
            // An encrypted comment in a list under this setting cannot be opened by sops again (its issue 2281).
            Format::Yaml => !in_list || self.setting != Some("encrypted_comment_regex"),
            Format::Dotenv | Format::Ini => true,
            Format::Json | Format::Binary => false,
        };
        allowed && self.rng.chance(15)
    }

    fn map(&mut self, depth: usize, top: bool) -> Node {
        let mut children = Vec::new();
        let count = if top { self.rng.below(5) + 1 } else { self.rng.below(4) };
        for _ in 0..count {
            let key = self.key(&children);
            if self.may_comment(false) {
                let text = self.comment();
                children.push(Child::Comment(text));
            }
            let node = self.node(depth + 1);
            let inline = (!node.is_container() && self.may_comment(false)).then(|| self.comment());
            children.push(Child::Entry { key, node, inline });
        }
        if !children.is_empty() && self.may_comment(false) {
            let text = self.comment();
            children.push(Child::Comment(text));
        }
        Node::Map(children)
    }

    fn list(&mut self, depth: usize) -> Node {
        let mut children = Vec::new();
        for _ in 0..self.rng.below(4) {
            if self.may_comment(true) {
                let text = self.comment();
                children.push(Child::Comment(text));
            }
            let mut node = self.node(depth + 1);
            // Of two comments one above the other, before an element and at its beginning, sops loses one.
            if let (Some(Child::Comment(_)), Node::Map(below) | Node::List(below)) = (children.last(), &mut node)
                && matches!(below.first(), Some(Child::Comment(_)))
            {
                below.remove(0);
            }
            children.push(Child::Entry { key: String::new(), node, inline: None });
        }
        Node::List(children)
    }

    fn key(&mut self, taken: &[Child]) -> String {
        loop {
            let mut key = (*self.rng.pick(&KEYS)).to_owned();
            if self.rng.chance(30) {
                let end: &str = self.rng.pick::<&str>(&["_enc", "_plain", "_unencrypted", "2", "x"]);
                key.push_str(end);
            }
            let is_taken = |child: &Child| matches!(child, Child::Entry { key: other, .. } if *other == key);
            if !taken.iter().any(is_taken) {
                return key;
            }
        }
    }

    fn node(&mut self, depth: usize) -> Node {
        self.budget = self.budget.saturating_sub(1);
        let deep = depth > 5 || self.budget == 0;
        match self.rng.below(100) {
            0..15 if !deep => self.map(depth, false),
            15..28 if !deep => self.list(depth),
            28..33 => Node::Null,
            33..40 => Node::Bool(self.rng.chance(50)),
            40..50 => Node::Int(self.integer()),
            50..57 => Node::Float(self.float()),
            57..61 if self.format == Format::Yaml => Node::Time(self.rng.pick(&TIMES).0),
            _ => Node::Text(self.text()),
        }
    }

    fn integer(&mut self) -> i64 {
        match self.rng.below(4) {
            0 => *self.rng.pick(&[0, 1, -1, 42, 8, 511, i64::MAX, i64::MIN, 1 << 53, -(1 << 53) - 1]),
            1 => (self.rng.next() % 100_000) as i64,
            2 => -((self.rng.next() % 1000) as i64),
            _ => self.rng.next() as i64,
        }
    }

    fn float(&mut self) -> f64 {
        let odd = [0.5, -1.25, 100.0, 1e21, 1e-7, 1e300, 5e-324, 0.1, 1e6, 123_456_789.125, f64::MAX];
        let never_json = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        match self.rng.below(6) {
            0 if self.format == Format::Yaml => *self.rng.pick(&never_json),
            0 | 1 => *self.rng.pick(&odd),
            2 | 3 => f64::from(self.rng.next() as i32) / 1000.0,
            _ => {
                let number = f64::from_bits(self.rng.next());
                if number.is_finite() { number } else { 2.5 }
            }
        }
    }

    fn text(&mut self) -> String {
        match self.rng.below(100) {
            0..45 => (*self.rng.pick(&TEXTS)).to_owned(),
            45..58 => (*self.rng.pick(&LINES)).to_owned(),
            58..62 if self.setting.is_none() => (*self.rng.pick(&INDENTED)).to_owned(),
            62..66 => "long ".repeat(self.rng.below(60)) + "end",
            66..85 => (0..self.rng.below(24)).map(|_| char::from(32 + self.rng.below(95) as u8)).collect(),
            _ => (0..self.rng.below(12)).map(|_| self.letter()).collect(),
        }
    }

    /// Any character, the odd ones more often than they deserve.
    fn letter(&mut self) -> char {
        let code = match self.rng.below(8) {
            0 => self.rng.below(0x20),
            1 => 0x7f + self.rng.below(0x30),
            // U+2028 and U+2029 sops prints so that they read back with spaces behind them.
            2 => 0x202a + self.rng.below(0x46),
            3 => 0x1_f600 + self.rng.below(0x50),
            4 => self.rng.below(0x11_0000),
            _ => 0x20 + self.rng.below(0x5f),
        };
        char::from_u32(code as u32).unwrap_or('\u{fffd}')
    }

    /// A dotenv file: texts under names. The two characters `\n` stand for a line break, so they cannot be stored.
    fn lines(&mut self) -> Node {
        let mut children = Vec::new();
        for _ in 0..self.rng.below(8) + 1 {
            let key = self.key(&children).replace(['=', '\n', '#'], "_");
            let is_taken = |child: &Child| matches!(child, Child::Entry { key: other, .. } if *other == key);
            if children.iter().any(is_taken) {
                continue;
            }
            if self.may_comment(false) {
                let text = self.comment();
                children.push(Child::Comment(text));
            }
            let text = self.text().replace("\\n", "/n");
            children.push(Child::Entry { key, node: Node::Text(text), inline: None });
        }
        Node::Map(children)
    }

    /// An INI file: sections of texts; the keys before any section are in `DEFAULT`, which is always there.
    fn sections(&mut self) -> Node {
        let mut sections = vec![Child::Entry { key: "DEFAULT".to_owned(), node: self.section(), inline: None }];
        for name in ["server", "data", "meta_plain", "x y", "é"] {
            if self.rng.chance(40) {
                sections.push(Child::Entry { key: name.to_owned(), node: self.section(), inline: None });
            }
        }
        Node::Map(sections)
    }

    fn section(&mut self) -> Node {
        let mut children = Vec::new();
        for name in ["a", "key", "data", "b_enc", "b_plain", "x_a", "k1", "long_name_of_a_key", "with space", "é"] {
            if !self.rng.chance(30) {
                continue;
            }
            if self.may_comment(false) {
                let text = self.comment();
                children.push(Child::Comment(text));
            }
            // What stands in the clear with quotes or breaks, sops itself reads back as something else.
            let text = if self.setting.is_none() { self.text() } else { "plain/text-1.5".to_owned() };
            let node = Node::Text(text.chars().filter(|c| !c.is_control() || *c == '\n').collect());
            children.push(Child::Entry { key: name.to_owned(), node, inline: None });
        }
        Node::Map(children)
    }
}
