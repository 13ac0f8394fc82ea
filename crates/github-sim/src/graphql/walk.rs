//! Follows a selection over the object graph: aliases, fragments, conditions, connections, errors.

use std::collections::BTreeMap;

use graphql_parser::query::{Definition, Directive, Field, FragmentDefinition, Selection, SelectionSet, TypeCondition};
use serde_json::{Map, Value, json};

use super::args::{Args, filled};
use super::node::{Node, Out, is_a, merge};
use super::window::{Window, cursor};
use super::{Fault, Parsed};
use crate::access::{Level, Who};
use crate::render::Face;
use crate::server::Call;
use crate::state::State;

/// Yields what a field of the object at hand is.
type Read<'r, 'a> = dyn FnMut(&mut Walk<'a>, &Field<'static, String>, &Args) -> Result<Out, Fault> + 'r;

/// One walk over the graph.
pub(super) struct Walk<'a> {
    pub(super) st: &'a State,
    pub(super) who: &'a Who,
    pub(super) face: Face<'a>,
    variables: &'a Map<String, Value>,
    fragments: BTreeMap<&'a str, &'a FragmentDefinition<'static, String>>,
    errors: Vec<Value>,
    refused: Vec<Value>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        st: &'a State,
        who: &'a Who,
        call: &Call,
        document: &'a Parsed,
        variables: &'a Map<String, Value>,
    ) -> Self {
        let fragments = document
            .definitions
            .iter()
            .filter_map(|definition| match definition {
                Definition::Fragment(fragment) => Some((fragment.name.as_str(), fragment)),
                Definition::Operation(_) => None,
            })
            .collect();
        Self {
            st,
            who,
            face: Face::new(st, call.html.clone(), call.html.clone()),
            variables,
            fragments,
            errors: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Whether the caller holds an App permission on a repository; people by their visibility.
    pub(super) fn may(&self, repo: u64, permission: &str, level: Level) -> bool {
        match self.who {
            Who::Installation(access) => {
                access.repos.contains(&repo) && access.permissions.get(permission) >= Some(&level)
            }
            Who::User(_) => true,
            Who::Nobody | Who::App(_) => false,
        }
    }

    pub(super) fn need(&self, repo: u64, permission: &str) -> Result<(), Fault> {
        if self.may(repo, permission, Level::Read) {
            return Ok(());
        }
        Err(Fault::forbidden())
    }

    /// The whole answer.
    pub(super) fn answer(&mut self, data: Map<String, Value>) -> Value {
        if self.is_refused() {
            return json!({"errors": self.refused});
        }
        let mut body = json!({"data": data});
        if !self.errors.is_empty() {
            body["errors"] = self.take_errors().into();
        }
        body
    }

    pub(super) fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    pub(super) fn take_errors(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.errors)
    }

    /// Reads the selected fields of an object.
    pub(super) fn object(
        &mut self,
        node: &Node,
        set: &SelectionSet<'static, String>,
        path: &mut Vec<Value>,
    ) -> Map<String, Value> {
        let mut out = Map::new();
        let typename = self.typename(node);
        self.select(set, typename, path, &mut out, &mut |walk, field, args| walk.field(node, &field.name, args));
        out
    }

    /// Runs a selection; `read` yields what a field is.
    fn select(
        &mut self,
        set: &SelectionSet<'static, String>,
        typename: &'static str,
        path: &mut Vec<Value>,
        out: &mut Map<String, Value>,
        read: &mut Read<'_, 'a>,
    ) {
        for item in &set.items {
            match item {
                Selection::Field(field) => {
                    if !self.included(&field.directives) {
                        continue;
                    }
                    let key = field.alias.as_ref().unwrap_or(&field.name).clone();
                    if field.name == "__typename" {
                        out.insert(key, typename.into());
                        continue;
                    }
                    let args = Args::of(field, self.variables);
                    path.push(key.clone().into());
                    let value = match read(self, field, &args) {
                        Ok(found) => self.complete(field, found, &args, path),
                        Err(fault) => {
                            self.report(&fault, typename, field, path);
                            Value::Null
                        }
                    };
                    path.pop();
                    merge(out, key, value);
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragments.get(spread.fragment_name.as_str()).copied() else {
                        self.refused.push(json!({
                            "message": format!("Fragment {} was used, but not defined", spread.fragment_name),
                        }));
                        continue;
                    };
                    let TypeCondition::On(condition) = &fragment.type_condition;
                    if is_a(typename, condition) && self.included(&spread.directives) {
                        self.select(&fragment.selection_set, typename, path, out, read);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let fits = match &fragment.type_condition {
                        Some(TypeCondition::On(condition)) => is_a(typename, condition),
                        None => true,
                    };
                    if fits && self.included(&fragment.directives) {
                        self.select(&fragment.selection_set, typename, path, out, read);
                    }
                }
            }
        }
    }

    fn included(&self, directives: &[Directive<'static, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive
                .arguments
                .iter()
                .find(|(name, _)| name == "if")
                .map(|(_, value)| filled(value, self.variables) == json!(true));
            match directive.name.as_str() {
                "include" => condition != Some(false),
                "skip" => condition != Some(true),
                _ => true,
            }
        })
    }

    /// Turns what a field yields into JSON.
    pub(super) fn complete(
        &mut self,
        field: &Field<'static, String>,
        found: Out,
        args: &Args,
        path: &mut Vec<Value>,
    ) -> Value {
        match found {
            Out::Leaf(value) => value,
            Out::One(node) => self.object(&node, &field.selection_set, path).into(),
            Out::Many(nodes) => {
                nodes.iter().map(|node| Value::from(self.object(node, &field.selection_set, path))).collect()
            }
            Out::Page(nodes) => match Window::of(args, &field.name, nodes.len()) {
                Ok(window) => self.connection(field, &nodes, window, path).into(),
                Err(fault) => {
                    self.report(&fault, "Connection", field, path);
                    Value::Null
                }
            },
        }
    }

    fn connection(
        &mut self,
        field: &Field<'static, String>,
        nodes: &[Node],
        window: Window,
        path: &mut Vec<Value>,
    ) -> Map<String, Value> {
        let mut out = Map::new();
        let total = nodes.len();
        let shown: Vec<Node> = nodes[window.start..window.end].to_vec();
        self.select(&field.selection_set, "Connection", path, &mut out, &mut |_, field, _| {
            Ok(match field.name.as_str() {
                "totalCount" => total.into(),
                "nodes" => Out::Many(shown.clone()),
                "edges" => Out::Many(
                    shown
                        .iter()
                        .enumerate()
                        .map(|(at, node)| {
                            let cursor = cursor(window.start + at + 1);
                            let node = Out::One(node.clone());
                            Node::Plain("Edge", vec![("node", node), ("cursor", cursor.into())])
                        })
                        .collect(),
                ),
                "pageInfo" => {
                    let some = window.end > window.start;
                    let at = |n: usize| if some { cursor(n).into() } else { Out::null() };
                    Out::One(Node::Plain(
                        "PageInfo",
                        vec![
                            ("hasNextPage", (window.end < total).into()),
                            ("hasPreviousPage", (window.start > 0).into()),
                            ("startCursor", at(window.start + 1)),
                            ("endCursor", at(window.end)),
                        ],
                    ))
                }
                _ => return Err(Fault::Undefined),
            })
        });
        out
    }

    /// Writes an error down, in GitHub's shape.
    pub(super) fn report(&mut self, fault: &Fault, typename: &str, field: &Field<'static, String>, path: &[Value]) {
        let place = json!([{"line": field.position.line, "column": field.position.column}]);
        match fault {
            Fault::Undefined => {
                let mut full = vec![Value::from("query")];
                full.extend(path.iter().cloned());
                let name = &field.name;
                self.refused.push(json!({
                    "path": full, "locations": place,
                    "extensions": {
                        "code": "undefinedField", "typeName": typename, "fieldName": name,
                    },
                    "message": format!("Field '{name}' doesn't exist on type '{typename}'"),
                }));
            }
            Fault::Because(kind, message) => self.errors.push(json!({
                "type": kind, "path": path, "locations": place, "message": message,
            })),
        }
    }

    fn typename(&self, node: &Node) -> &'static str {
        match node {
            Node::Query => "Query",
            Node::Repository(_) => "Repository",
            Node::Ref(..) => "Ref",
            Node::Commit(..) => "Commit",
            Node::Tree(..) => "Tree",
            Node::Blob(..) => "Blob",
            Node::Pull(..) => "PullRequest",
            Node::Review(..) => "PullRequestReview",
            Node::Comment(..) => "IssueComment",
            Node::Account(id) => self.st.accounts.get(id).map_or("User", |a| a.kind.name()),
            Node::Team(_) => "Team",
            Node::App(_) => "App",
            Node::CheckRun(..) => "CheckRun",
            Node::CheckSuite(..) => "CheckSuite",
            Node::Plain(name, _) => name,
        }
    }

    fn field(&self, node: &Node, name: &str, args: &Args) -> Result<Out, Fault> {
        match node {
            Node::Query => self.root(name, args),
            Node::Repository(id) => self.repository(*id, name, args),
            Node::Ref(repo, full) => self.reference(*repo, full, name, args),
            Node::Commit(repo, id) => self.commit(*repo, *id, name, args),
            Node::Tree(repo, id) => self.tree(*repo, *id, name),
            Node::Blob(repo, id) => self.blob(*repo, *id, name),
            Node::Pull(repo, number) => self.pull(*repo, *number, name, args),
            Node::Review(repo, number, id) => self.review(*repo, *number, *id, name),
            Node::Comment(repo, id) => self.comment(*repo, *id, name),
            Node::Account(id) => self.account(*id, name, args),
            Node::Team(id) => self.team(*id, name),
            Node::App(id) => self.app(*id, name),
            Node::CheckRun(repo, id) => self.check_run(*repo, *id, name),
            Node::CheckSuite(repo, id) => self.check_suite(*repo, *id, name, args),
            Node::Plain(_, fields) => {
                fields.iter().find(|(field, _)| *field == name).map(|(_, found)| found.clone()).ok_or(Fault::Undefined)
            }
        }
    }
}
