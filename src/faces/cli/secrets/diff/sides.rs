//! Which two versions are compared: files, blobs of commits, or the same paths in two revisions.
//!
//! Git is read, never asked to do anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use countersign_core::domain::{RepoPath, TreeEntry};
use sops_file::{Format, MAX_BYTES};
use zeroize::Zeroizing;

use crate::faces::cli::args::DiffArgs;
use crate::faces::cli::ledger::reading::{self, unreadable};
use crate::faces::cli::secrets::document::Document;
use crate::faces::cli::secrets::place::Place;
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::{self, LocalRepo};

/// Two versions of one document; a missing one did not exist.
pub(super) struct Pair {
    /// The document, as a person names it.
    pub(super) path: String,
    pub(super) old: Option<Document>,
    pub(super) new: Option<Document>,
    /// It was named; otherwise it was found in a directory, and need not be a sealed document.
    pub(super) named: bool,
}

/// All pairs that are meant.
pub(super) fn pairs(args: &DiffArgs) -> Result<Vec<Pair>, Report> {
    let format = args.naming.input_type;
    if let Some(environment) = &args.naming.environment {
        if !args.paths.is_empty() {
            return Err(Report::usage("documents are named twice: by `-e` and by paths").help("leave one out"));
        }
        return of_environment(args, environment);
    }
    if !args.paths.is_empty() {
        let git = Revisions::open(&args.operands)?;
        let mut pairs = Vec::new();
        for path in &args.paths {
            pairs.extend(git.pairs(Path::new(path), format)?);
        }
        return Ok(pairs);
    }
    match args.operands.as_slice() {
        [old, new] => {
            let path = shown(old, new);
            Ok(vec![Pair { path, old: side(old, format)?, new: side(new, format)?, named: true }])
        }
        _ => Err(Report::usage("two versions are needed")
            .help("name two files (`OLD NEW`, or `HEAD:path path`), or revisions and paths (`HEAD~1 HEAD -- path`)")),
    }
}

/// The name of the newer version, unless that is nothing.
fn shown(old: &str, new: &str) -> String {
    let name = if new == "/dev/null" { old } else { new };
    match name.split_once(':') {
        Some((_, path)) if !Path::new(name).exists() => path.to_owned(),
        Some(_) | None => name.to_owned(),
    }
}

/// A file, or `REV:path`. `/dev/null` is a document that does not exist.
fn side(word: &str, format: Option<Format>) -> Result<Option<Document>, Report> {
    if word == "/dev/null" {
        return Ok(None);
    }
    match word.split_once(':') {
        Some((revision, path)) if !revision.is_empty() && !Path::new(word).exists() => {
            let repo = wire::local_repo(Path::new(".")).map_err(unreadable)?;
            let version = Version::of(&repo, revision)?;
            let document = version.document(&repo, &from_root(&repo, Path::new(path))?, format)?;
            document.map(Some).ok_or_else(|| {
                Report::new(Exit::NO_FILE, format!("`{revision}` has no file `{path}`"))
                    .help("paths of a commit start at the root of the repository")
            })
        }
        Some(_) | None => Document::read(Path::new(word), format).map(Some),
    }
}

/// As Git reads it: `path` from the root, `./path` from here.
fn from_root(repo: &LocalRepo, path: &Path) -> Result<RepoPath, Report> {
    if path.starts_with(".") || path.starts_with("..") {
        return in_repository(repo, path);
    }
    Ok(RepoPath::new(&path.to_string_lossy().replace('\\', "/")))
}

/// A path of the working tree as Git names it.
fn in_repository(repo: &LocalRepo, path: &Path) -> Result<RepoPath, Report> {
    let outside =
        || Report::usage(format!("`{}` is outside the repository", path.display())).help("run this inside the clone");
    let root = repo.work_tree().and_then(|root| root.canonicalize().ok()).ok_or_else(outside)?;
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).map_err(|_| outside())?;
    let mut whole = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            std::path::Component::ParentDir => {
                whole.pop();
            }
            std::path::Component::CurDir => {}
            std::path::Component::Prefix(_) | std::path::Component::RootDir | std::path::Component::Normal(_) => {
                whole.push(part);
            }
        }
    }
    let below = whole.strip_prefix(&root).map_err(|_| outside())?;
    Ok(RepoPath::new(&below.to_string_lossy().replace('\\', "/")))
}

fn of_environment(args: &DiffArgs, environment: &str) -> Result<Vec<Pair>, Report> {
    let place = Place::here()?;
    let git = Revisions::open(&args.operands)?;
    let wanted = match &args.naming.path {
        Some(path) => vec![place.document(environment, Some(path))?],
        None => place.documents(environment)?,
    };
    let mut pairs = Vec::new();
    for path in wanted {
        pairs.extend(git.pairs(&path, args.naming.input_type)?);
    }
    let named = args.naming.path.is_some();
    Ok(pairs.into_iter().map(|pair| Pair { named, ..pair }).collect())
}

/// Everything at one revision, or the working tree.
enum Version {
    Commit { name: String, entries: BTreeMap<RepoPath, TreeEntry> },
    WorkingTree(PathBuf),
}

impl Version {
    fn of(repo: &LocalRepo, revision: &str) -> Result<Self, Report> {
        let commit = reading::commit(repo, revision)?;
        let entries = repo.entries(&commit).map_err(unreadable)?;
        Ok(Self::Commit { name: revision.to_owned(), entries })
    }

    /// Paths that are `path` or below it.
    fn below(&self, path: &RepoPath) -> BTreeSet<RepoPath> {
        match self {
            Self::Commit { entries, .. } => entries.keys().filter(|entry| is_below(entry, path)).cloned().collect(),
            Self::WorkingTree(root) => {
                let mut found = BTreeSet::new();
                let Some(text) = path.as_str() else { return found };
                files(root, &root.join(text), &mut found);
                found
            }
        }
    }

    fn document(&self, repo: &LocalRepo, path: &RepoPath, format: Option<Format>) -> Result<Option<Document>, Report> {
        let text = path.to_string();
        match self {
            Self::Commit { name, entries } => {
                let Some(entry) = entries.get(path) else { return Ok(None) };
                let bytes = repo.blob(&entry.oid, MAX_BYTES).map_err(unreadable)?;
                let bytes = bytes.ok_or_else(|| {
                    Report::new(Exit::of_sops(2), format!("`{text}` at {name} is larger than this program reads"))
                        .help("split the document")
                })?;
                let format = format.unwrap_or_else(|| Format::of_path(&text));
                Ok(Some(Document { name: format!("{name}:{text}"), format, bytes: Zeroizing::new(bytes), file: None }))
            }
            Self::WorkingTree(root) => {
                let file = root.join(&text);
                let document = file.is_file().then(|| Document::read(&file, format)).transpose()?;
                Ok(document.map(|document| Document { name: text, ..document }))
            }
        }
    }
}

/// The two versions that are compared path by path.
struct Revisions {
    repo: LocalRepo,
    old: Version,
    new: Version,
}

impl Revisions {
    /// `[REV [REV]]`: HEAD and the working tree unless named.
    fn open(revisions: &[String]) -> Result<Self, Report> {
        let repo = wire::local_repo(Path::new(".")).map_err(unreadable)?;
        let old = Version::of(&repo, revisions.first().map_or("HEAD", String::as_str))?;
        let new = match revisions.get(1) {
            Some(revision) => Version::of(&repo, revision)?,
            None => {
                let root = repo.work_tree().and_then(|root| root.canonicalize().ok());
                Version::WorkingTree(
                    root.ok_or_else(|| Report::usage("this clone has no working tree").help("name two revisions"))?,
                )
            }
        };
        Ok(Self { repo, old, new })
    }

    fn pairs(&self, path: &Path, format: Option<Format>) -> Result<Vec<Pair>, Report> {
        let wanted = in_repository(&self.repo, path)?;
        let mut paths = self.old.below(&wanted);
        paths.extend(self.new.below(&wanted));
        if paths.is_empty() {
            return Err(Report::new(Exit::NO_FILE, format!("`{wanted}` is in neither version"))
                .help("name a path of the repository"));
        }
        let named = paths.contains(&wanted);
        let mut pairs = Vec::new();
        for path in paths {
            if !named && self.is_same(&path) {
                continue;
            }
            let (old, new) =
                (self.old.document(&self.repo, &path, format)?, self.new.document(&self.repo, &path, format)?);
            pairs.push(Pair { path: path.to_string(), old, new, named });
        }
        Ok(pairs)
    }

    /// Whether both commits hold the same object there: a directory of documents is compared without reading those.
    fn is_same(&self, path: &RepoPath) -> bool {
        match (&self.old, &self.new) {
            (Version::Commit { entries: old, .. }, Version::Commit { entries: new, .. }) => {
                old.get(path) == new.get(path)
            }
            (Version::Commit { .. } | Version::WorkingTree(_), _) => false,
        }
    }
}

fn is_below(entry: &RepoPath, path: &RepoPath) -> bool {
    let (entry, path) = (entry.as_bytes(), path.as_bytes());
    path.is_empty() || entry == path || entry.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/"))
}

fn files(root: &Path, path: &Path, found: &mut BTreeSet<RepoPath>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if entry.file_name() != ".git" && !link {
                files(root, &entry.path(), found);
            }
        }
    } else if path.is_file()
        && let Ok(below) = path.strip_prefix(root)
    {
        found.insert(RepoPath::new(&below.to_string_lossy().replace('\\', "/")));
    }
}
