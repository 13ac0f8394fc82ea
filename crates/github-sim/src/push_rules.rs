//! The rules of a push: judged before the pack arrives where no objects are needed, in a hook otherwise.
//!
//! Never decides what a rule says; `state::rules` does.

use std::path::Path;

use crate::access::Actor;
use crate::error::Refusal;
use crate::state::State;
use crate::state::landed::RefChange;
use crate::state::rules::Via;

const PRE_RECEIVE: &str = r#"#!/bin/sh
# Rules that need no objects were judged before; here those that do. All or nothing.
if [ -s "$SIM_PUSH/denied" ]; then
  cat "$SIM_PUSH/denied" >&2
  exit 1
fi
zero=0000000000000000000000000000000000000000
code=0
refuse() {
  printf 'error: GH013: Repository rule violations found for %s.\n\n- %s\n\n' "$1" "$2" >&2
  code=1
}
while read -r old new ref; do
  [ "$new" = "$zero" ] && continue
  if [ "$old" != "$zero" ] && grep -qxF "$ref" "$SIM_PUSH/fast-forward-only"; then
    git merge-base --is-ancestor "$old" "$new" || refuse "$ref" "Cannot force-push to this branch"
  fi
  if grep -qxF "$ref" "$SIM_PUSH/signed-only"; then
    for commit in $(git rev-list "$new" --not --all); do
      git cat-file commit "$commit" | grep -q '^gpgsig' || {
        refuse "$ref" "Commits must have verified signatures."
        break
      }
    done
  fi
done
exit $code
"#;

const POST_RECEIVE: &str = "#!/bin/sh\ncat >> \"$SIM_PUSH/accepted\"\n";

/// Writes the hooks all repositories share.
pub(crate) fn write_hooks(root: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let dir = root.join("hooks");
    std::fs::create_dir_all(&dir)?;
    for (name, text) in [("pre-receive", PRE_RECEIVE), ("post-receive", POST_RECEIVE)] {
        let path = dir.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// What the hooks need to know.
pub(crate) struct Judged {
    denied: String,
    fast_forward_only: String,
    signed_only: String,
}

impl Judged {
    pub(crate) fn write(&self, dir: &Path) -> std::io::Result<()> {
        std::fs::write(dir.join("denied"), &self.denied)?;
        std::fs::write(dir.join("fast-forward-only"), &self.fast_forward_only)?;
        std::fs::write(dir.join("signed-only"), &self.signed_only)
    }
}

pub(crate) fn judge(st: &State, repo: u64, actor: Actor, commands: &[RefChange]) -> Result<Judged, Refusal> {
    let mut judged = Judged { denied: String::new(), fast_forward_only: String::new(), signed_only: String::new() };
    let here = st.repo(repo)?;
    if here.archived {
        judged.denied.push_str("This repository was archived so it is read-only.\n");
    }
    for change in commands {
        let faults = st.early_faults(repo, actor, change, Via::Push)?;
        if !faults.is_empty() {
            judged
                .denied
                .push_str(&format!("error: GH013: Repository rule violations found for {}.\n\n", change.refname));
            for fault in faults {
                judged.denied.push_str(&format!("- {fault}\n\n"));
            }
        }
        for rule in st.rules_against(here, actor, &change.refname, Via::Push) {
            let list = match rule.kind.as_str() {
                "non_fast_forward" => &mut judged.fast_forward_only,
                "required_signatures" => &mut judged.signed_only,
                _ => continue,
            };
            list.push_str(&change.refname);
            list.push('\n');
        }
    }
    Ok(judged)
}
