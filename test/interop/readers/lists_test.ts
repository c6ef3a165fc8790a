/**
 * Lists of RFC 6313 that the mediator put right, read by libfixbuf's ipfixDump and by this project's decoder: the same
 * words.
 */
import assert from "node:assert/strict";
import type { InformationElement } from "../../../src/ipfix/registry/information_element.ts";
import { decodeStructuredData, type ListItem, type StructuredList } from "../../support/messages/structured_data.ts";
import type { Template } from "../../../src/ipfix/record/template.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import { history, withoutLimits } from "../../support/messages/antrea.ts";
import { deliver } from "../../support/delivered.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import { openSession } from "../../support/session.ts";
import {
  field,
  join,
  message,
  number,
  set,
  templateSet,
  text,
  variable,
  type WireTemplate,
} from "../../support/messages/wire.ts";
import { debianTool, runTool, toolTest } from "../../support/processes/tool_test_case.ts";

/** Not known to the collector: stripped. */
const UNKNOWN = field("64512/1", 2);
const UNKNOWN_TEXT = field("64512/2", 65535);
const LIST = field("0/292", 65535);
const MULTI_LIST = field("0/293", 65535);
const BASIC_LIST = field("0/291", 65535);

const NAMES: WireTemplate = { id: 256, scope: 0, fields: [UNKNOWN, field("0/7", 2), field("0/82", 65535)] };
const PORTS: WireTemplate = { id: 257, scope: 0, fields: [field("0/4", 1), UNKNOWN_TEXT, field("0/11", 2)] };
const NESTED: WireTemplate = { id: 258, scope: 0, fields: [LIST, UNKNOWN, field("0/1", 8)] };
const HOLDER: WireTemplate = { id: 300, scope: 0, fields: [UNKNOWN, LIST, MULTI_LIST, BASIC_LIST, LIST, BASIC_LIST] };
const TEMPLATES = [NAMES, PORTS, NESTED, HOLDER];

const name = (port: number, value: string) => join(number(99, 2), number(port, 2), variable(text(value)));
const ports = (protocol: number, port: number) => join(number(protocol, 1), variable(text("gone")), number(port, 2));
const nested = (list: Uint8Array) => join(variable(list), number(98, 2), number(2n ** 40n, 8));
const listOf = (semantic: number, id: number, ...records: Uint8Array[]) =>
  join(number(semantic, 1), number(id, 2), ...records);
const block = (id: number, ...records: Uint8Array[]) =>
  join(number(id, 2), number(records.reduce((sum, { length }) => sum + length, 4), 2), ...records);
const record = (...lists: Uint8Array[]) => join(number(97, 2), ...lists.map((list) => variable(list)));

const GOOD = record(
  listOf(3, 256, name(80, "eth0"), name(443, "x".repeat(300))),
  join(number(4, 1), block(257, ports(6, 53), ports(17, 54)), block(256, name(1, "")), block(257)),
  join(number(1, 1), number(7, 2), number(2, 2), number(5, 2), number(6, 2)),
  listOf(0, 258, nested(listOf(255, 257, ports(6, 99))), nested(listOf(2, 256))),
  // With an enterprise number: reverseOctetDeltaCount (RFC 5103).
  join(number(3, 1), number(0x8001, 2), number(8, 2), number(29305, 4), number(2n ** 33n, 8), number(1, 8)),
);
/** Half a record, half a block, half an element, nothing. */
const BROKEN = record(
  listOf(3, 256, number(1, 3)),
  join(number(4, 1), number(256, 2), number(9, 2)),
  Uint8Array.of(3, 0x80, 7),
  new Uint8Array(),
  join(number(3, 1), number(0x8001, 2), number(8, 2), number(29305, 4), number(1, 7)),
);

const IPFIX_DUMP = debianTool("ipfixDump", "libfixbuf-tools");

toolTest(IPFIX_DUMP, "ipfixDump reads rewritten lists as this project does", async () => {
  const { output, faults } = rewritten(withoutLimits("v2.7.0"), GOOD);
  assert.equal(faults, 0);
  const words = await dumped(output);
  assert.deepEqual(words, expected(output));
  assert.equal(words.filter((line) => /sourceTransportPort : (80|443|1)$/.test(line)).length, 3);
  assert.ok(words.includes(`(82) interfaceName : (len: 300) ${"x".repeat(300)}`));
});

toolTest(IPFIX_DUMP, "ipfixDump reads what stands in for broken lists", async () => {
  const profile = withoutLimits("v2.7.0", { undecodableTypes: new Set(["float32"]) });
  const { output, faults } = rewritten(profile, BROKEN);
  assert.equal(faults, 5);
  const words = await dumped(output);
  assert.deepEqual(words, expected(output));
  assert.equal(words.filter((line) => /^count: 0/.test(line)).length, 5);
});

function rewritten(profile: Profile, data: Uint8Array): { output: Uint8Array; faults: number } {
  const { session } = openSession(profile);
  const templates = message({}, ...TEMPLATES.map((template) => templateSet(template)));
  const { output } = rewriteAll(session, join(templates, message({}, set(HOLDER.id, data))));
  const faults = [...session.counters.referenceFaults.values()].reduce((sum, count) => sum + count, 0);
  session.close();
  return { output, faults };
}

/** What ipfixDump says of the data, without its layout. @throws where it warns */
async function dumped(octets: Uint8Array): Promise<string[]> {
  const file = await Deno.makeTempFile({ suffix: ".ipfix" });
  try {
    await Deno.writeFile(file, octets);
    const { stdout, stderr } = await runTool("ipfixDump", ["--data", "--in", file]);
    assert.equal(stderr.trim(), "");
    const lines = stdout.split("\n").map((line) => line.trim().replace(/\s+/g, " ").replace(/ \(0x[0-9a-f]+\)$/, ""));
    const start = lines.indexOf("--- data record 1 ---");
    const end = lines.findIndex((line, place) => place > start && line.startsWith("*** Msg Stats"));
    return lines.slice(start, end).filter((line) => line !== "" && line !== "header:" && line !== "fields:");
  } finally {
    await Deno.remove(file);
  }
}

const SEMANTICS = ["noneOf", "exactlyOneOf", "oneOrMoreOf", "allOf", "ordered"];

/** The same words by this project's decoder. */
function expected(octets: Uint8Array): string[] {
  const templates = new Map<number, Template>();
  const { items } = deliver(octets);
  for (const { kind, id, layout } of items) {
    if (kind === "template") templates.set(id, { id, scopeFieldCount: 0, fields: fieldsOf(layout) });
  }
  const values = items.find(({ kind }) => kind === "record")?.values ?? [];
  const { fields = [] } = templates.get(HOLDER.id) ?? {};
  const decoded = fields.map(({ element: { type } }, position): ListItem => {
    assert.ok(type === "basicList" || type === "subTemplateList" || type === "subTemplateMultiList");
    const result = decodeStructuredData(type, Uint8Array.fromHex(values[position] ?? ""), {
      resolve: history.resolve,
      templateOf: (id) => templates.get(id),
    });
    assert.ok(result.ok, result.ok ? "" : result.message);
    return result.list;
  });
  return recordWords(HOLDER.id, decoded, 1, templates);
}

function fieldsOf(layout: string): Template["fields"] {
  return [...layout.slice(2).matchAll(/(\d+)\[(\d+)\]/g)].map(([, id, length]) => ({
    element: history.resolve(0, Number(id), Number(length), false),
    length: Number(length),
  }));
}

function recordWords(
  id: number,
  items: readonly ListItem[],
  place: number,
  templates: ReadonlyMap<number, Template>,
): string[] {
  const fields = templates.get(id)?.fields ?? [];
  return [
    `--- data record ${place} ---`,
    `count: ${items.length} tid: ${id}`,
    ...items.flatMap((item, position) => fieldWords(fields[position]?.element, item, templates)),
  ];
}

function fieldWords(
  element: InformationElement | undefined,
  item: ListItem,
  templates: ReadonlyMap<number, Template>,
): string[] {
  const start = `(${element?.id}) ${element?.name} :`;
  if (typeof item === "object" && "semantic" in item) return [start, ...listWords(item, templates)];
  return [typeof item === "string" ? `${start} (len: ${item.length}) ${item}`.trim() : `${start} ${item}`];
}

function listWords(list: StructuredList, templates: ReadonlyMap<number, Template>): string[] {
  const number = SEMANTICS.includes(list.semantic) ? SEMANTICS.indexOf(list.semantic) : 255;
  const start = (count: number, rest: string) => [
    `+++ ${list.type} +++`,
    `count: ${count} semantic: ${number}-${list.semantic} ${rest}`.trim(),
  ];
  const recordsOf = (id: number, records: readonly (readonly ListItem[])[]) =>
    records.flatMap((items, index) => recordWords(id, items, index + 1, templates));
  switch (list.type) {
    case "basicList": {
      const { pen } = list.element;
      return [
        ...start(list.items.length, `ie: (${pen === 0 ? "" : `${pen}/`}${list.element.id}) ${list.element.name}`),
        ...list.items.map((item, index) => `${index + 1} : ${item}`),
      ];
    }
    case "subTemplateList":
      return [...start(list.records.length, `tid: ${list.templateId}`), ...recordsOf(list.templateId, list.records)];
    case "subTemplateMultiList":
      return [
        ...start(list.lists.length, ""),
        ...list.lists.flatMap(({ templateId, records }, index) => [
          `+++ subTemplateMultiListEntry ${index + 1} +++`,
          `count: ${records.length} tid: ${templateId}`,
          ...recordsOf(templateId, records),
        ]),
      ];
  }
}
