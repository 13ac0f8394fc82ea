// Asks a real language server what an editor would show: the policy schema accepts every policy of the repository's pages, templates and
// tests, and of the broken ones those that a schema can judge are marked at their line.
//
//   node .ci/schema.mjs SERVER SCHEMA     SERVER: yaml-language-server's main file; SCHEMA: what `countersign schema` printed

import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [server, schema] = process.argv.slice(2);
if (!schema) {
  console.error("usage: node .ci/schema.mjs SERVER SCHEMA");
  process.exit(2);
}

const read = (path) => readFileSync(path, "utf8");
const isWhole = (text) => /^version: 1$/m.test(text) && /^environments:/m.test(text) && /^policies:/m.test(text);

// What has to be accepted: files that are policies, and blocks of pages that are whole ones.
const tests = "crates/core/src/policy/tests";
const good = [
  ...["templates/starter/policy.yaml", "templates/demo/policy.yaml", `${tests}/example.yaml`, `${tests}/base.yaml`].map(
    (path) => [path, read(path)]),
  ...["README.md", ...readdirSync("docs").filter((name) => name.endsWith(".md")).map((name) => join("docs", name))].flatMap(
    (path) => read(path).split("```yaml\n").slice(1).map((rest, nth) => [`${path} (${nth + 1})`, rest.split("\n```")[0] + "\n"])
      .filter(([, text]) => isWhole(text))),
];

// What has to be marked: one change of the base each, and the line of the mark, from 1. Each is also a case of the reader's own
// tests, where its code and column are.
const base = read(`${tests}/base.yaml`);
const bad = [
  ["another version", "version: 1", "version: 2", 1],
  ["a mistyped field", "required_approvals: 2\nadmins", "required_approval: 2\nadmins", 9],
  ["a field in camel case", "required_approvals: 2\nadmins", "requiredApprovals: 2\nadmins", 9],
  ["text for a list", "users: [ann, bob]", "users: ann", 8],
  ["text for a number", "required_approvals: 2\nadmins", "required_approvals: two\nadmins", 9],
  ["a number for a name", "name: production", "name: 2024", 6],
  ["no approvals", "required_approvals: 2\nadmins", "required_approvals: 0\nadmins", 9],
  ["too many approvals", "required_approvals: 2\nadmins", "required_approvals: 51\nadmins", 9],
  ["an unknown word", "    required_approvals: 2\nadmins", "    enforcement: hart\nadmins", 9],
  ["a name with capitals", "- name: production", "- name: Production", 6],
  ["a bare environment", "environments: [production]", "environments: production", 7],
  ["no pattern", '["secrets/production/"]', "[]", 4],
  ["a list instead of a mapping", "{approvers: {teams: [acme/platform]}, required_approvals: 2}", "[acme/platform]", 10],
  ["a word for a switch", "    required_approvals: 2\nadmins", "    self_approval: maybe\nadmins", 9],
  ["a duplicate key", "    environments: [production]", "    environments: [production]\n    name: other", 8],
];

const child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
let pending = Buffer.alloc(0);
const waiting = new Map();
const marks = new Map();
let next = 0;

const send = (message) => {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message });
  child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
};
const ask = (method, params) => new Promise((answer) => {
  waiting.set(++next, answer);
  send({ id: next, method, params });
});
const settings = {
  yaml: { validate: true, hover: false, completion: false, schemaStore: { enable: false },
    schemas: { [pathToFileURL(resolve(schema)).href]: ["/*.yaml"] } },
};

child.stdout.on("data", (bytes) => {
  pending = Buffer.concat([pending, bytes]);
  for (;;) {
    const end = pending.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(pending.subarray(0, end).toString())[1]);
    if (pending.length < end + 4 + length) return;
    const message = JSON.parse(pending.subarray(end + 4, end + 4 + length).toString());
    pending = pending.subarray(end + 4 + length);
    if (message.method === "workspace/configuration") {
      send({ id: message.id, result: message.params.items.map((item) => settings[item.section] ?? null) });
    } else if (message.method === "textDocument/publishDiagnostics") {
      const answer = marks.get(message.params.uri);
      marks.delete(message.params.uri);
      answer?.(message.params.diagnostics);
    } else if (message.method !== undefined && message.id !== undefined) {
      send({ id: message.id, result: null });
    } else if (waiting.has(message.id)) {
      waiting.get(message.id)(message.result);
      waiting.delete(message.id);
    }
  }
});
child.on("exit", (code) => {
  if (code !== 0) {
    console.error(`the language server ended with ${code}`);
    process.exit(1);
  }
});

// What an editor shows of a text: line (from 1) and words.
let opened = 0;
const shown = (text) => new Promise((answer) => {
  const uri = pathToFileURL(resolve(`/policies/${++opened}.yaml`)).href;
  marks.set(uri, (diagnostics) => answer(diagnostics.map((one) => [one.range.start.line + 1, one.message])));
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
});

await ask("initialize", {
  processId: process.pid, rootUri: null,
  capabilities: { workspace: { configuration: true }, textDocument: { publishDiagnostics: {} } },
});
send({ method: "initialized", params: {} });
send({ method: "workspace/didChangeConfiguration", params: { settings } });

const faults = [];
for (const [title, text] of good) {
  const found = await shown(text);
  if (found.length > 0) faults.push(`${title} is accepted by the reader and marked in an editor: ${JSON.stringify(found)}`);
}
for (const [title, from, to, line] of bad) {
  if (!base.includes(from)) faults.push(`${title}: the text to change is not in the base`);
  const found = await shown(base.replace(from, () => to));
  if (!found.some(([at]) => at === line)) faults.push(`${title}: no mark at line ${line}: ${JSON.stringify(found)}`);
}
await ask("shutdown");
send({ method: "exit" });
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log(`in an editor: ${good.length} policies accepted, ${bad.length} broken ones marked at their line`);
