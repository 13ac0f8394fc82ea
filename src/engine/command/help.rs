//! The answer to `help`: the table of verbs as a page. Knows no change and no person.

use countersign_core::effect::{self, CommandLine};
use countersign_core::event::command::Verb;

/// The list of commands, from the table of verbs.
pub(super) fn help_page() -> String {
    let line = |verb: &Verb| {
        let entry = verb.entry();
        CommandLine { usage: verb.usage(), who: entry.who, help: entry.help, ground: entry.ground.words() }
    };
    let served: Vec<CommandLine> = Verb::ALL.iter().filter(|verb| verb.is_served()).map(line).collect();
    let later: Vec<&'static str> = Verb::ALL.iter().filter(|verb| !verb.is_served()).map(|verb| verb.word()).collect();
    effect::help_page(&served, &later)
}

#[cfg(test)]
mod tests {
    use countersign_core::domain::CommentId;

    use super::*;

    #[test]
    fn the_help_reply_reads_like_this() {
        insta::assert_snapshot!(effect::told(CommentId::new(7), &help_page()));
    }
}
