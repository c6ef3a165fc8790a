/**
 * The tables of RBAC rules in the READMEs against the roles of config/kubernetes, and against what each way of trust
 * takes.
 */
import assert from "node:assert/strict";
import { parse } from "@std/yaml";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { MODES, ON_THE_WAY_OUT, OWN, type Rule } from "./least_rules.ts";

const ROOT = new URL("../../", import.meta.url);

/** Verbs by resource and name: `secrets flow-aggregator-client-tls`. */
type Verbs = Map<string, Set<string>>;

const RULE = z.object({
  resources: z.array(z.string()),
  resourceNames: z.array(z.string()).default([""]),
  verbs: z.array(z.string()),
});

function add(verbs: Verbs, key: string, more: Iterable<string>): void {
  verbs.set(key, new Set([...verbs.get(key) ?? [], ...more]));
}

function sorted(verbs: Verbs): Record<string, string[]> {
  return Object.fromEntries([...verbs].sort().map(([key, each]) => [key, [...each].sort()]));
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

/** What the roles of the overlays allow. */
async function granted(): Promise<Verbs> {
  const roles = z.array(z.object({ rules: z.array(RULE) })).parse(
    parseAllDocuments(await read("config/kubernetes/access/roles.yaml")).map((each) => each.toJS()),
  );
  const [added] = z.tuple([z.object({ value: RULE })]).parse(
    parse(await read("config/kubernetes/access-mint/role.yaml")),
  );
  const verbs: Verbs = new Map();
  for (const rule of [...roles.flatMap(({ rules }) => rules), added.value]) {
    for (const resource of rule.resources) {
      for (const name of rule.resourceNames) add(verbs, `${resource} ${name}`.trim(), rule.verbs);
    }
  }
  return verbs;
}

/** The cells of a table under a heading, without its first two lines. */
async function rows(path: string, heading: string): Promise<string[][]> {
  const [, section = ""] = (await read(path)).split(`\n## ${heading}\n`);
  const lines = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  assert.ok(lines.length > 2, `${path} has no table under ${heading}`);
  return lines.slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** Resource and name of an object as a table words it. */
function keyOf(object: string): string {
  const [, kind, name] = /^(ConfigMap|Secret) `([^`]+)`/.exec(object) ?? [];
  if (kind !== undefined) return `${kind.toLowerCase()}s ${name}`;
  if (object.startsWith("Secret of that name")) return `secrets ${OWN}`;
  if (object.startsWith("Secrets ")) return "secrets";
  // The overlays give this one of the two.
  if (object.includes("AntreaAgentInfos")) return "antreaagentinfos";
  return /^Pods\b/.test(object) ? "pods" : assert.fail(`no object is known for "${object}"`);
}

const listed = (text: string) => text.split(", ");

function ofRules(rules: readonly Rule[]): Verbs {
  const verbs: Verbs = new Map();
  for (const rule of rules) add(verbs, `${rule.resource} ${rule.name ?? ""}`.trim(), rule.verbs);
  return verbs;
}

Deno.test("what config/kubernetes says the proxy may do is what its roles allow", async () => {
  const table: Verbs = new Map();
  for (const [object = "", verbs = ""] of await rows("config/kubernetes/README.md", "What the proxy may do")) {
    add(table, keyOf(object), listed(verbs));
  }
  assert.deepEqual(sorted(table), sorted(await granted()));
});

Deno.test("what src/kubernetes says that the proxy takes is allowed by the roles, which allow no more than get beside it", async () => {
  const taken: Verbs = new Map();
  for (const [when = "", verbs = "", object = ""] of await rows("src/kubernetes/README.md", "RBAC")) {
    // A Secret that somebody names takes a role that somebody writes.
    if (!when.includes("ownCaSecret")) add(taken, keyOf(object), listed(verbs));
  }
  const allowed = await granted();
  for (const [key, verbs] of allowed) {
    allowed.set(
      key,
      new Set([...verbs].filter((each) => each !== "get" || taken.get(key)?.has(each))),
    );
  }
  assert.deepEqual(sorted(taken), sorted(allowed));
});

Deno.test("what src/kubernetes says of each way of trust is what it takes", async () => {
  const table = await rows("src/kubernetes/README.md", "RBAC");
  for (const { mode, rules } of MODES) {
    const taken: Verbs = new Map();
    for (const [when = "", verbs = "", object = ""] of table) {
      if (when.includes(`\`${mode}\``)) add(taken, keyOf(object), listed(verbs));
    }
    const tried = mode === "append-ca" ? [...rules, ON_THE_WAY_OUT] : rules;
    assert.deepEqual(sorted(taken), sorted(ofRules(tried)), mode);
  }
});
