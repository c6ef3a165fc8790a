/**
 * What Wireshark's dissector reads in an IPFIX file, and what it has to read there if this project's decoder is right.
 */
import { encodeValue, type Value } from "../../../src/ipfix/types/value.ts";
import type { FieldSpecifier } from "../../../src/ipfix/record/template.ts";
import { inspectAll, type Inspected } from "./inspect_all.ts";
import { runTool } from "../../support/processes/tool_test_case.ts";

/** An element of tshark's PDML: a protocol, a field, or a group of them. */
interface Node {
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Node[];
}

/**
 * What tshark reads, a line for each message, field specifier and value.
 *
 * @throws {Error} where it finds anything malformed or has an expert's doubts: a sequence number that is wrong, a set
 *   without records
 */
export async function readWithTshark(octets: Uint8Array): Promise<string[]> {
  const file = await Deno.makeTempFile({ suffix: ".ipfix" });
  try {
    await Deno.writeFile(file, octets);
    const { stdout } = await runTool("tshark", ["-n", "-r", file, "-T", "pdml"]);
    return parse(stdout).filter(({ attributes }) => attributes.get("name") === "cflow").flatMap(messageLines);
  } finally {
    await Deno.remove(file);
  }
}

/** What {@link readWithTshark} has to give, by this project's decoder. */
export function expectedOfTshark(octets: Uint8Array): string[] {
  let start = 0;
  return inspectAll(octets).flatMap((inspected) => {
    if (inspected.kind === "message") start = inspected.offset;
    return expectedLines(inspected, start);
  });
}

/** The protocols of all packets, with their content. */
function parse(pdml: string): Node[] {
  const protocols: Node[] = [];
  const open: Node[] = [];
  for (const [, slash, tag, text, closed] of pdml.matchAll(/<(\/?)(proto|field)\b([^>]*?)(\/?)>/g)) {
    if (slash === "/") {
      open.pop();
      continue;
    }
    const attributes = new Map(
      [...(text ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name ?? "", value ?? ""]),
    );
    const node: Node = { attributes, children: [] };
    if (tag === "proto" && open.length === 0) protocols.push(node);
    else open.at(-1)?.children.push(node);
    if (closed !== "/") open.push(node);
  }
  return protocols;
}

function of(node: Node, attribute: string): string {
  return node.attributes.get(attribute) ?? "";
}

/** All nodes in a node whose name begins so. */
function within(node: Node, name: string): Node[] {
  return node.children.flatMap((
    child,
  ) => [...(of(child, "name").startsWith(name) ? [child] : []), ...within(child, name)]);
}

function shown(node: Node, name: string): string {
  return node.children.filter((child) => of(child, "name") === name).map((child) => of(child, "show")).join();
}

function messageLines(message: Node): string[] {
  const doubts = within(message, "_ws.").map((node) => of(node, "showname"));
  if (doubts.length > 0) throw new Error(`tshark: ${doubts.join("; ")}`);
  const [length, domain, sequence] = ["cflow.len", "cflow.od_id", "cflow.sequence"].map((name) => shown(message, name));
  return [
    `message of ${length} octets, domain ${domain}, sequence ${sequence}`,
    ...message.children.filter((node) => /^Set \d+ /.test(of(node, "show"))).flatMap(setLines),
  ];
}

function setLines(set: Node): string[] {
  const id = shown(set, "cflow.flowset_id");
  return set.children.flatMap((node) => {
    const show = of(node, "show");
    if (/^(Options )?Template \(Id/.test(show)) return templateLines(node);
    if (/^Flow \d+$/.test(show)) return recordLines(node, id);
    return [];
  });
}

function templateLines(template: Node): string[] {
  const fields = template.children.filter((node) => /^Field \(/.test(of(node, "show"))).map((node) => {
    const pen = shown(node, "cflow.template_ipfix_field_pen") || "0";
    const id = within(node, "cflow.template_ipfix_field_type").map((type) => of(type, "show")).join();
    return `  ${pen}/${id} ${shown(node, "cflow.template_field_length")}`;
  });
  const scope = shown(template, "cflow.template_ipfix_scope_field_count") || "0";
  return [`template ${shown(template, "cflow.template_id")}: ${fields.length} fields, ${scope} scope`, ...fields];
}

/** Fields in the order in which they stand in the record; tshark leaves out empty ones and shows times together. */
function recordLines(record: Node, template: string): string[] {
  const fields: { readonly position: number; readonly line: string }[] = [];
  const collect = (node: Node): void => {
    const name = of(node, "name");
    if (name === "cflow.timedelta") return node.children.forEach(collect);
    const which = /Reverse Type (\d+)/.exec(of(node, "showname"))?.[1] ??
      (name === "cflow.enterprise_private_entry" ? /Type (\d+): /.exec(of(node, "showname"))?.[1] : undefined);
    const value = name.startsWith("cflow.abstime") ? timeOf(of(node, "show")) : of(node, "value");
    if (value === "") return;
    fields.push({ position: Number(of(node, "pos")), line: `  ${which ?? "IANA"} = ${value}` });
  };
  record.children.forEach(collect);
  fields.sort((one, other) => one.position - other.position);
  return [`record of ${template} at ${of(record, "pos")}`, ...fields.map(({ line }) => line)];
}

/** `Nov 14, 2023 22:13:20.123000000 UTC` to milliseconds. */
function timeOf(show: string): string {
  return new Date(show.replace(/\.(\d{3})\d* UTC$/, ".$1Z")).toISOString();
}

function expectedLines(inspected: Inspected, start: number): string[] {
  switch (inspected.kind) {
    case "message": {
      const { length, observationDomain, sequenceNumber } = inspected;
      return [`message of ${length} octets, domain ${observationDomain}, sequence ${sequenceNumber}`];
    }
    case "template": {
      const { id, fields, scopeFieldCount } = inspected.template;
      return [
        `template ${id}: ${fields.length} fields, ${scopeFieldCount} scope`,
        ...fields.map(({ element, length }) => `  ${element.pen}/${element.id} ${length}`),
      ];
    }
    case "withdrawal":
      return [`template ${inspected.template}: 0 fields, 0 scope`];
    case "record": {
      const { template, values, offset } = inspected;
      return [
        `record of ${template.id} at ${offset - start}`,
        ...template.fields.flatMap((field, index) => {
          const value = expectedText(field, values[index] ?? "");
          return value === "" ? [] : [`  ${field.element.pen === 0 ? "IANA" : field.element.id} = ${value}`];
        }),
      ];
    }
  }
}

/** A value in hexadecimal, a time to the millisecond. */
function expectedText({ element, length }: FieldSpecifier, value: Value): string {
  if (element.type.startsWith("dateTime")) return new Date(String(value)).toISOString();
  return encodeValue(element.type, length, value).toHex();
}
