//! The settings of what people are told: mail server, sender, texts of their own.

use std::path::PathBuf;

use super::{Fault, Key, Settings};
use crate::engine::ports::MailServer;

/// The mail server, when there is one.
///
/// # Errors
/// When only one of address and sender is set.
pub(super) fn server(settings: &Settings) -> Result<Option<MailServer>, Fault> {
    let from = settings.text(Key::MailFrom).map(str::to_owned);
    match (settings.secret(Key::SmtpUrl).cloned(), from) {
        (None, None) => Ok(None),
        (Some(url), Some(from)) => Ok(Some(MailServer { url, from })),
        (Some(_), None) => Err(Fault::new(
            "`smtp_url` is set, and `mail_from` is not",
            "set `COUNTERSIGN_MAIL_FROM` to the sender, such as `countersign@example.com`",
        )),
        (None, Some(_)) => Err(Fault::new(
            "`mail_from` is set, and `smtp_url` is not",
            "set `COUNTERSIGN_SMTP_URL` to the mail server, such as `smtps://user:password@mail.example.com`",
        )),
    }
}

/// Where texts of the operator's own are.
pub(super) fn templates(settings: &Settings) -> Option<PathBuf> {
    settings.text(Key::TemplatesDir).filter(|text| !text.trim().is_empty()).map(PathBuf::from)
}
