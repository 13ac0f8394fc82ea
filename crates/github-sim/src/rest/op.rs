//! An operation as data: GitHub's id, its route, who may call it, what answers.

use super::ctx::Ctx;
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::Outcome;

/// Which credential an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// An App's JWT.
    App,
    /// An installation token.
    Installation,
    /// A personal token.
    Person,
    /// A token of a person or an installation.
    Token,
    /// Any or none.
    Open,
}

/// A permission of an App and the level it needs.
pub(crate) type Need = (&'static str, Level);

/// Runs an operation.
pub(crate) type Run = fn(&mut Ctx<'_>) -> Outcome<Reply>;

/// One operation.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    /// Segments; `{name}` takes one, `{name...}` one or more.
    pub(crate) path: &'static str,
    pub(crate) auth: Auth,
    /// Any one suffices; none: metadata, which every App has.
    pub(crate) needs: &'static [Need],
    /// What a person needs on the repository.
    pub(crate) role: Role,
    pub(crate) run: Run,
}

impl Op {
    /// An operation a token may call with one of `needs`.
    pub(crate) const fn new(
        id: &'static str,
        method: &'static str,
        path: &'static str,
        needs: &'static [Need],
        run: Run,
    ) -> Self {
        Self { id, method, path, auth: Auth::Token, needs, role: Role::Read, run }
    }

    pub(crate) const fn auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    pub(crate) const fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Whether it is meant to change something.
    pub(crate) fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// Parameters if a decoded path fits.
    pub(crate) fn fits(&self, segments: &[String]) -> Option<Params> {
        let template: Vec<&str> = self.path.split('/').skip(1).collect();
        let greedy = template.iter().position(|part| part.ends_with("...}"));
        let mut params = Params::default();
        let Some(at) = greedy else {
            if template.len() != segments.len() {
                return None;
            }
            return each(&template, segments, &mut params).then_some(params);
        };
        let tail = template.len() - at - 1;
        if segments.len() < at + 1 + tail {
            return None;
        }
        let end = segments.len() - tail;
        let fits = each(&template[..at], &segments[..at], &mut params)
            && each(&template[at + 1..], &segments[end..], &mut params);
        let name = template[at].trim_matches(['{', '}']).trim_end_matches("...");
        params.0.push((name, segments[at..end].join("/")));
        fits.then_some(params)
    }
}

fn each(template: &[&'static str], segments: &[String], params: &mut Params) -> bool {
    template.iter().zip(segments).all(|(part, segment)| {
        if part.starts_with('{') {
            params.0.push((part.trim_matches(['{', '}']), segment.clone()));
            return !segment.is_empty();
        }
        part == segment
    })
}

/// Parameters of a path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// A parameter of the operation's path.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn op(path: &'static str) -> Op {
        Op::new("x", "GET", path, &[], |_| Ok(Reply::empty()))
    }

    fn segments(path: &str) -> Vec<String> {
        path.split('/').skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn a_greedy_parameter_takes_slashes_before_and_at_the_end() {
        let end = op("/repos/{owner}/{repo}/git/refs/{ref...}");
        let params = end.fits(&segments("/repos/a/b/git/refs/heads/x/y")).unwrap();
        assert_eq!(params.get("ref"), Some("heads/x/y"));
        let middle = op("/repos/{owner}/{repo}/commits/{ref...}/check-runs");
        let params = middle.fits(&segments("/repos/a/b/commits/heads/x/check-runs")).unwrap();
        assert_eq!(params.get("ref"), Some("heads/x"));
        assert_eq!(params.get("owner"), Some("a"));
    }

    #[test]
    fn a_path_of_another_length_or_word_does_not_fit() {
        let plain = op("/repos/{owner}/{repo}/pulls");
        assert!(plain.fits(&segments("/repos/a/b/pulls/1")).is_none());
        assert!(plain.fits(&segments("/repos/a/b/issues")).is_none());
        assert!(op("/x/{y...}").fits(&segments("/x")).is_none());
    }
}
