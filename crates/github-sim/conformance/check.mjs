// Holds a dump of github-sim (`Sim::dump`) against GitHub's OpenAPI descriptions: every request that was
// served exists there with this path, query and body, and every answer and delivery has the shape
// GitHub promises. Never contacts anything.
//
//   node check.mjs DIR     DIR holds *-requests.jsonl and *-deliveries.jsonl

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import Ajv from "ajv";
import { schema } from "@octokit/graphql-schema";
import addFormats from "ajv-formats";
import { buildSchema, parse, validate as validateQuery } from "graphql";

const require = createRequire(import.meta.url);
const dir = process.argv[2];
if (!dir) {
  console.error("no directory given\nhelp: node check.mjs DIR");
  process.exit(2);
}

const load = (name) => JSON.parse(readFileSync(require.resolve(name), "utf8"));
const rest = load("@octokit/openapi/generated/api.github.com.json");
const hooks = load("@octokit/openapi-webhooks/generated/api.github.com.json");

// OpenAPI 3.0 says `nullable`; JSON Schema says a type may also be null.
function nullable(node) {
  if (Array.isArray(node)) return node.map(nullable);
  if (node === null || typeof node !== "object") return node;
  const { nullable: may, example, examples, discriminator, ...plain } = node;
  const out = Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, nullable(value)]));
  if (examples !== undefined && typeof plain.type !== "string") out.examples = examples;
  // The list of installations says an account is a user and an enterprise at once; the single one says or.
  if (out.allOf?.some((part) => part.title === "Enterprise")) {
    out.anyOf = out.allOf;
    delete out.allOf;
  }
  if (may !== true) return out;
  if (typeof out.type === "string") {
    out.type = [out.type, "null"];
    if (Array.isArray(out.enum) && !out.enum.includes(null)) out.enum = [...out.enum, null];
    return out;
  }
  return { anyOf: [out, { type: "null" }] };
}

const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
addFormats(ajv);
// A bot's address has brackets in it, and GitHub's own default for some addresses is "".
ajv.addFormat("email", (text) => text.includes("@"));
const uri = ajv.formats.uri;
ajv.addFormat("uri", (text) => text === "" || (uri.validate ?? uri).call?.(null, text) !== false);
ajv.addSchema(nullable(rest), "rest");
ajv.addSchema(nullable(hooks), "hooks");

const escape = (part) => encodeURIComponent(part.replace(/~/g, "~0").replace(/\//g, "~1"));
const compiled = new Map();
function validator(root, parts) {
  const ref = `${root}#/${parts.map(escape).join("/")}`;
  if (!compiled.has(ref)) compiled.set(ref, ajv.compile({ $ref: ref }));
  return compiled.get(ref);
}

const problems = new Map();
const complain = (where, what) => {
  const key = `${where}: ${what}`;
  problems.set(key, (problems.get(key) ?? 0) + 1);
};
const faults = (validate) =>
  (validate.errors ?? [])
    .filter((error) => !["anyOf", "oneOf", "if"].includes(error.keyword) || process.env.VERBOSE)
    .slice(0, 6)
    .map((e) => `${e.instancePath.replace(/\/\d+/g, "/*") || "/"} ${e.message}` +
      (e.params.allowedValues ? ` ${JSON.stringify(e.params.allowedValues)}` : ""))
    .join("; ");

const operations = new Map();
for (const [path, methods] of Object.entries(rest.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    if (operation.operationId) {
      const names = path.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{[^}]+\}/g, "(.+)");
      const shape = new RegExp(`^${names}$`);
      operations.set(operation.operationId, { path, method, operation, shape, shared: methods.parameters ?? [] });
    }
  }
}

const deref = (node) =>
  node?.$ref ? node.$ref.slice(2).split("/").reduce((at, key) => at[key.replace(/~1/g, "/")], rest) : node;
// What any operation may answer: no credential, no permission, nothing there, moved, unchanged.
const anywhere = [301, 304, 307, 400, 401, 403, 404, 422];

function checkRequest(entry) {
  if (entry.faulted || entry.operation?.startsWith("git/") || entry.operation?.startsWith("graphql/")) return false;
  if (!entry.operation) return false;
  const found = operations.get(entry.operation);
  if (!found) return complain(entry.operation, "no such operation");
  const { path, method, operation, shape, shared } = found;
  if (method !== entry.method.toLowerCase()) complain(entry.operation, `method is ${method}`);
  // GitHub's file of the root of a tree has no path.
  if (!shape.test(entry.path) && !entry.path.endsWith("/contents")) complain(entry.operation, `path ${entry.path} is not ${path}`);
  if (entry.status < 400) {
    const known = [...shared, ...(operation.parameters ?? [])].map(deref).filter((p) => p.in === "query").map((p) => p.name);
    for (const [key] of new URLSearchParams(entry.query)) {
      // Lists are paged by number where the description only names the cursor, and the reverse.
      if (!known.includes(key) && !["page", "per_page"].includes(key)) complain(entry.operation, `query ${key} is unknown`);
    }
    const wanted = operation.requestBody?.content?.["application/json"];
    if (wanted && entry.request_body !== null) {
      const validate = validator("rest", ["paths", path, method, "requestBody", "content", "application/json", "schema"]);
      if (!validate(entry.request_body)) complain(entry.operation, `request: ${faults(validate)}`);
    }
  }
  const answer = operation.responses[String(entry.status)];
  if (!answer) {
    if (!anywhere.includes(entry.status)) complain(entry.operation, `never answers ${entry.status}`);
    return true;
  }
  if (entry.response_body === null) return true;
  const parts = answer.$ref ? answer.$ref.slice(2).split("/") : ["paths", path, method, "responses", String(entry.status)];
  const media = deref(answer).content?.["application/json"];
  if (!media?.schema) return true;
  const validate = validator("rest", [...parts, "content", "application/json", "schema"]);
  if (!validate(entry.response_body)) complain(`${entry.operation} ${entry.status}`, `answer: ${faults(validate)}`);
  return true;
}

const events = new Map();
for (const [name, item] of Object.entries(hooks.webhooks)) {
  const operation = item.post;
  const key = operation?.["x-github"]?.subcategory && operation.operationId;
  if (key) events.set(name, operation);
}

function checkDelivery(delivery) {
  const base = delivery.event.replaceAll("_", "-");
  // A dispatch's action is the caller's word.
  const free = ["repository_dispatch", "workflow_dispatch"].includes(delivery.event);
  const action = delivery.action && !free ? `-${delivery.action.replaceAll("_", "-")}` : "";
  const name = [`${base}${action}`, base].find((candidate) => events.has(candidate))
    ?? [...events.keys()].find((key) => free && key.startsWith(base));
  if (!name) return complain(`event ${delivery.event}.${delivery.action}`, "no such event");
  const validate = validator("hooks", ["webhooks", name, "post", "requestBody", "content", "application/json", "schema"]);
  if (!validate(delivery.body)) complain(`event ${name}`, faults(validate));
}

// The published text defines two fields twice.
const graph = buildSchema(schema.idl, { assumeValidSDL: true });
// Whatever the stand-in resolved without an error must be a query GitHub's schema accepts.
const queries = new Set();
function checkQuery(entry) {
  const text = entry.request_body?.query;
  if (entry.faulted || !text || queries.has(text)) return;
  const refused = (entry.response_body?.errors ?? []).some((error) => error.extensions?.code === "undefinedField" || !error.type);
  if (refused) return;
  queries.add(text);
  for (const error of validateQuery(graph, parse(text))) complain(entry.operation, error.message);
}

const lines = (suffix) =>
  readdirSync(dir)
    .filter((name) => name.endsWith(suffix))
    .flatMap((name) => readFileSync(join(dir, name), "utf8").split("\n").filter(Boolean))
    .map((line) => JSON.parse(line));

const requests = lines("-requests.jsonl");
const deliveries = lines("-deliveries.jsonl");
if (requests.length === 0) {
  console.error(`nothing to check in ${dir}\nhelp: run the tests with GITHUB_SIM_DUMP=${dir}`);
  process.exit(2);
}
const checked = requests.filter((entry) => checkRequest(entry)).length;
deliveries.forEach(checkDelivery);
requests.filter((entry) => entry.operation?.startsWith("graphql/")).forEach(checkQuery);
const covered = new Set(requests.filter((e) => operations.has(e.operation)).map((e) => e.operation));
const told = new Set(deliveries.map((d) => [d.event, d.action].filter(Boolean).join(".")));

for (const [text, times] of [...problems].sort()) console.log(`${times}× ${text}`);
console.log(`${checked} requests of ${covered.size} operations, ${queries.size} GraphQL documents, ${deliveries.length} deliveries of ${told.size} kinds, ${problems.size} problems`);
process.exit(problems.size ? 1 : 0);
