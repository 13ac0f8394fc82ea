//! What people read.

use super::*;

/// Every event through every template, as a person would get it.
#[test]
fn every_event_reads_well_in_every_channel() {
    let templates = Templates::ours();
    for occasion in Occasion::ALL {
        let mut notice = notice(*occasion);
        match occasion.family() {
            "sync" | "drift" => {
                notice.reason = Some("delivery-failed".to_owned());
                notice.detail = Some("hooks.example.com answered 500".to_owned());
            }
            "policy" | "guard" | "key" | "ledger" => {
                notice.change = None;
                notice.url = "https://github.com/acme/app".to_owned();
                notice.detail = Some("`production` needs 1 approval instead of 2".to_owned());
            }
            _ if matches!(occasion, Occasion::ChangePutBack | Occasion::EnvironmentQuarantined) => {
                notice.detail = Some("main".to_owned());
            }
            _ => {}
        }
        let notice = notice.without_keys();
        let mail = templates.mail(&notice);
        let slack = templates.chat("slack.mrkdwn", &notice);
        let line = templates.chat("slack_line.mrkdwn", &notice);
        let teams = templates.chat("teams.card", &notice);
        let visible = |text: &str| text.replace('\u{2060}', "");
        let page = format!(
            "Subject: {}\n\n{}\n══ slack\n{}\n══ slack, in the thread\n{}\n══ teams\n{}",
            mail.text.subject,
            mail.text.plain,
            visible(&slack.text),
            visible(&line.text),
            teams.text
        );
        insta::assert_snapshot!(occasion.name().replace('.', "_"), page);
        assert!(!page.contains("cannot be rendered") && !page.contains("canary"), "{page}");
        assert!(mail.warnings.is_empty() && slack.warnings.is_empty());
    }
}

#[test]
fn the_html_of_a_mail() {
    insta::assert_snapshot!(Templates::ours().mail(&notice(Occasion::ChangeReady)).text.html);
}

#[test]
fn the_cards() {
    let templates = Templates::ours();
    let notice = notice(Occasion::ChangeReady).without_keys();
    let headline = templates.headline(&notice).text;
    let slack = slack_card(&notice, &headline, &templates.chat("slack.mrkdwn", &notice).text);
    insta::assert_snapshot!("slack_card", serde_json::to_string_pretty(&slack).unwrap().replace('\u{2060}', ""));
    let teams = teams_card(&notice, &headline, &templates.chat("teams.card", &notice).text);
    insta::assert_snapshot!("teams_card", serde_json::to_string_pretty(&teams).unwrap());
}

#[test]
fn untrusted_text_is_text_in_every_channel() {
    let hostile = "<!channel> <https://evil.example|click> *bold* [x](https://evil.example) & \"quote\"\r\nBcc: all@example.com\u{202e}";
    let notice = Notice {
        detail: Some(hostile.to_owned()),
        reason: Some("quorum-missing".to_owned()),
        actor: Some(hostile.to_owned()),
        ..notice(Occasion::ChangeBypassed)
    };
    let templates = Templates::ours();
    let mail = templates.mail(&notice).text;
    assert!(!mail.subject.contains(['\r', '\n', '\u{202e}']), "{}", mail.subject);
    assert!(!mail.plain.contains("\nBcc:") && !mail.plain.contains('\r'), "{}", mail.plain);
    assert!(!mail.html.contains("<!channel>") && !mail.html.contains("<https:"), "{}", mail.html);
    let slack = templates.chat("slack.mrkdwn", &notice).text;
    assert!(!slack.contains("<!") && !slack.contains("<http") && slack.contains("&lt;!channel&gt;"), "{slack}");
    let teams = templates.chat("teams.card", &notice).text;
    assert!(!teams.contains("](https") && teams.contains("\\[x\\]\\("), "{teams}");
}

#[test]
fn the_limits_of_both_chats_hold_whatever_there_is_to_say() {
    let text = vec!["& < > word ".repeat(400); 40].join("\n\n");
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let notice = notice(Occasion::ChangeReady);
    let slack = slack_card(&notice, &"h".repeat(5_000), &text);
    let blocks = slack["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 20, "{}", blocks.len());
    let texts = blocks.iter().filter_map(|block| block["text"]["text"].as_str());
    let lengths: Vec<usize> = texts.map(|text| text.chars().count()).collect();
    assert!(lengths.iter().all(|length| *length <= 3_000) && lengths.iter().sum::<usize>() <= 8_000, "{lengths:?}");
    assert!(slack["text"].as_str().unwrap().chars().count() <= 320);
    let teams = teams_card(&notice, &"h".repeat(5_000), &"ä\\* ".repeat(30_000));
    assert!(teams.to_string().len() <= MAX_CARD, "{}", teams.to_string().len());
    let many = teams_card(&notice, "h", &text);
    assert!(many.to_string().len() <= MAX_CARD && many["attachments"][0]["content"]["version"] == "1.4");
}

#[test]
fn a_line_in_slack_is_cut_at_its_limit_and_never_inside_an_escaped_character() {
    let line = |text: &str| slack_line("a <b> & c", text);
    let fits = line(&format!("  {}\n", "x".repeat(2_900)));
    assert_eq!(fits["blocks"][0]["text"]["text"], "x".repeat(2_900));
    assert_eq!(
        (fits["text"].as_str(), fits["blocks"][0]["type"].as_str()),
        (Some("a &lt;b&gt; &amp; c"), Some("section"))
    );
    // what stands last before the limit, and what is left of it
    for (end, kept) in [
        ("&", ""),
        ("ok &am", "ok "),
        ("&amp", ""),
        ("&abcd", ""),
        ("&abcde", "&abcde"),
        ("& and more", "& and more"),
        ("&amp;", "&amp;"),
        ("&lt;a", "&lt;a"),
        ("&amp;&lt", "&amp;"),
        ("&amp; and more", "&amp; and more"),
        ("end\\", "end"),
        ("end", "end"),
    ] {
        let text = format!("{}{end}{}", "x".repeat(2_900 - end.len()), "z".repeat(9));
        let cut = line(&text)["blocks"][0]["text"]["text"].as_str().unwrap().to_owned();
        assert_eq!(cut.trim_start_matches('x'), format!("{kept}…"), "{end}");
    }
}

#[test]
fn a_card_in_slack_has_a_section_per_paragraph_within_its_limits() {
    let notice = notice(Occasion::ChangeReady);
    let sections = |text: &str| -> Vec<usize> {
        let card = slack_card(&notice, "headline", text);
        let blocks = card["blocks"].as_array().unwrap().clone();
        assert!(
            blocks.len() <= 20 && blocks.iter().rev().take(2).all(|block| block["type"] != "section"),
            "{blocks:?}"
        );
        let texts = blocks.iter().filter(|block| block["type"] == "section").map(|block| &block["text"]["text"]);
        texts.map(|text| text.as_str().unwrap().chars().count()).collect()
    };
    assert_eq!(sections("one\n\n\n\n two \n\n"), [3, 3]);
    assert_eq!(sections(&vec!["p"; 18].join("\n\n")), [1; 18]);
    assert_eq!(sections(&vec!["p"; 40].join("\n\n")), [1; 18], "and the two blocks of every card");
    let long = "x".repeat(2_900);
    assert_eq!(sections(&[long.as_str(); 4].join("\n\n")), [2_900, 2_900, 1_201], "cut to 7,000 and a sign");
    assert_eq!(sections(&[long.as_str(), &long, &"x".repeat(1_200), "more"].join("\n\n")), [2_900, 2_900, 1_200]);
}

#[test]
fn a_card_in_teams_keeps_whole_paragraphs_up_to_twenty_kilobytes() {
    let notice = notice(Occasion::ChangeReady);
    let blocks = |count: usize| {
        let card = teams_card(&notice, "headline", &vec!["x".repeat(2_000); count].join("\n\n"));
        let body = card["attachments"][0]["content"]["body"].as_array().unwrap().clone();
        assert!(body.iter().all(|block| block["text"].as_str().unwrap().len() == 2_000));
        body.len()
    };
    assert_eq!([1, 9, 10, 19].map(blocks), [1, 9, 9, 9]);
}

#[test]
fn a_template_of_others_is_used_and_one_that_fails_is_not() {
    let mut templates = Templates::ours();
    templates.replace("subject.txt", "{{ repository | upper }}: {{ headline }}".to_owned());
    templates.replace("../evil", "x".to_owned());
    let mail = templates.mail(&notice(Occasion::ChangeOpened));
    assert!(mail.text.subject.starts_with("ACME/APP: Change #42"), "{}", mail.text.subject);
    assert!(mail.warnings.is_empty());
    let hostile = [
        ("{{ nothing }}", "undefined"),
        ("{% if %}", "syntax"),
        (
            "{% for a in url %}{% for b in url %}{% for c in url %}{% for d in url %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
            "too much work",
        ),
        (&"long ".repeat(9_000), "longer than"),
        ("{% include 'mail.txt' %}", ""),
        ("{{ range(9) }}", "range"),
    ];
    for (text, why) in hostile {
        let mut templates = Templates::ours();
        templates.replace("mail.txt", text.to_owned());
        let mail = templates.mail(&notice(Occasion::ChangeOpened));
        assert!(mail.text.plain.contains("Change #42 for production is open"), "{text}: {}", mail.text.plain);
        assert_eq!(mail.warnings.len(), 1, "{text}");
        let warning = mail.warnings[0].to_lowercase();
        assert!(warning.contains(why) && warning.contains("mail.txt"), "{warning}");
    }
}

#[test]
fn a_template_is_looked_at_before_it_is_used() {
    let example = notice(Occasion::ChangeOpened);
    for (name, text) in render::OURS {
        assert_eq!(lint(name, text, &example), [], "{name}: our own");
    }
    let cases = [
        ("mail.txt", "fine\n\n{{ headlin }}\n{{ requester }}", 3, "there is no `headlin`"),
        (
            "mail.txt",
            "headlines\n_headlin\nheadlin_\n2headlin\n{% if headlin %}{% endif %}",
            5,
            "there is no `headlin`",
        ),
        ("headline.txt", "{{ headline }}", 1, "there is no `headline`"),
        ("mail.txt", "a\n{% for x in keys %}", 2, "cannot be read"),
        ("mails.txt", "a", 0, "takes the place of no template"),
        ("mail.txt", "a\n{{ keys[0].key.nothing.more }}", 2, "undefined"),
    ];
    for (name, text, line, message) in cases {
        let faults = lint(name, text, &example);
        assert_eq!(faults.len(), 1, "{name} {text}: {faults:?}");
        assert!(faults[0].line == line && faults[0].message.contains(message), "{faults:?}");
        assert!(!faults[0].help.is_empty());
    }
}

#[test]
fn a_template_is_tried_with_everything_there_may_be_to_tell_and_with_nothing_of_it() {
    let full = notice(Occasion::ChangeOpened);
    let bare = Notice::new(full.occasion, "1", full.at, (&full.repository, &full.url));
    for fact in ["environments", "actor", "missing", "approved_by", "reason", "detail"] {
        let where_told = format!("{{% if {fact} %}}\n{{{{ {fact}.of.nothing }}}}\n{{% endif %}}");
        let where_not = format!("{{% if not {fact} %}}\n{{{{ {fact}.of.nothing }}}}\n{{% endif %}}");
        for (text, example) in [(where_told, &bare), (where_not, &full)] {
            let faults = lint("mail.txt", &text, example);
            assert!(faults.len() == 1 && faults[0].line == 2, "{text}: {faults:?}");
        }
        let careful = format!("{{% if {fact} %}}{{{{ {fact} }}}}{{% endif %}}");
        assert_eq!(lint("mail.txt", &careful, &bare), [], "{careful}");
    }
}
