/**
 * What libfixbuf's ipfixDump reads in an IPFIX file, and what it has to read there if this project's decoder is right.
 */
import { registryHistory } from "../../../src/config/profiles/registries.ts";
import type { AbstractDataType } from "../../../src/ipfix/types/abstract_data_type.ts";
import { parseIPv6 } from "../../../src/ipfix/types/address.ts";
import type { FieldSpecifier } from "../../../src/ipfix/record/template.ts";
import type { Value } from "../../../src/ipfix/types/value.ts";
import { readMessages } from "../../support/messages/wire.ts";
import { inspectAll, type Inspected } from "./inspect_all.ts";
import { runTool } from "../../support/processes/tool_test_case.ts";

const VARIABLE = 65535;
const ANTREA_PEN = 56506;

/** ipfixDump's words for the types that it knows. */
const TYPE_NAMES: Readonly<Partial<Record<AbstractDataType, string>>> = {
  octetArray: "octet",
  unsigned8: "uint8",
  unsigned16: "uint16",
  unsigned32: "uint32",
  unsigned64: "uint64",
  signed32: "int32",
  float64: "float64",
  boolean: "bool",
  macAddress: "mac",
  string: "string",
  dateTimeSeconds: "sec",
  dateTimeMilliseconds: "millisec",
  dateTimeMicroseconds: "microsec",
  dateTimeNanoseconds: "nanosec",
  ipv4Address: "ipv4",
  ipv6Address: "ipv6",
};

/**
 * What ipfixDump reads, a line for each message, field specifier and value, observation domain after observation
 * domain: it remembers templates for printing by their ids alone, and dies where two domains give one id different
 * layouts.
 *
 * @throws {Error} where it ends with an error, or warns (a sequence number that is wrong, a set that cannot be read)
 */
export async function readWithIpfixDump(octets: Uint8Array): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "ipfix-dump-" });
  try {
    await Deno.writeTextFile(`${folder}/elements.xml`, elementFile());
    const lines: string[] = [];
    for (const part of byObservationDomain(octets).values()) {
      await Deno.writeFile(`${folder}/part.ipfix`, part);
      const files = ["--element-file", `${folder}/elements.xml`, "--in", `${folder}/part.ipfix`];
      const { stdout, stderr } = await runTool("ipfixDump", ["--hexdump=65535", ...files]);
      if (stderr.trim() !== "") throw new Error(`ipfixDump warns: ${stderr}`);
      lines.push(...linesOf(stdout));
    }
    return lines;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What {@link readWithIpfixDump} has to give, by this project's decoder. */
export function expectedOfIpfixDump(octets: Uint8Array): string[] {
  return [...byObservationDomain(octets).values()].flatMap((part) => inspectAll(part).flatMap(expectedLines));
}

function byObservationDomain(octets: Uint8Array): Map<number, Uint8Array> {
  const parts = new Map<number, number[]>();
  let offset = 0;
  for (const { observationDomain } of readMessages(octets)) {
    const length = (octets[offset + 2] ?? 0) * 256 + (octets[offset + 3] ?? 0);
    const part = parts.get(observationDomain) ?? [];
    part.push(...octets.subarray(offset, offset + length));
    parts.set(observationDomain, part);
    offset += length;
  }
  return new Map([...parts].map(([domain, part]) => [domain, Uint8Array.from(part)]));
}

/** Elements that libfixbuf does not know, in the schema of IANA's registry with its own additions. */
function elementFile(): string {
  const records = [...registryHistory().newest.elements()].filter(({ pen }) => pen === ANTREA_PEN).map((element) =>
    `<record><name>${element.name}</name><dataType>${element.type}</dataType>` +
    `<cert:enterpriseId>${element.pen}</cert:enterpriseId><elementId>${element.id}</elementId></record>`
  );
  return `<registry xmlns="http://www.iana.org/assignments" xmlns:cert="http://www.cert.org/ipfix" id="ipfix">
<registry id="ipfix-information-elements">
${records.join("\n")}
</registry></registry>`;
}

/** ipfixDump's words without its layout. */
function linesOf(dump: string): string[] {
  const lines: string[] = [];
  let domain = "";
  for (const line of dump.split("\n")) {
    const header = /observation domain id: (\d+)/.exec(line);
    const sizes = /^message length: (\d+)\s+sequence number: (\d+)/.exec(line);
    const template = /^\ttid:\s+(\d+) \(0x[0-9a-f]+\)\s+field count:\s+(\d+)\s+scope:\s+(\d+)/.exec(line);
    const field = /^\tent:\s+(\d+)\s+id:\s+(\d+)\s+type: (\w+)\s+len:\s+(\d+) /.exec(line);
    const record = /^\tcount: (\d+)\s+tid:\s+(\d+) /.exec(line);
    const value = /^\t\((?:(\d+)\/)?(\d+)\)(?: \(S\))?\s*\S+ : (.*)$/.exec(line);
    if (header) domain = header[1] ?? "";
    else if (sizes) lines.push(`message of ${sizes[1]} octets, domain ${domain}, sequence ${sizes[2]}`);
    else if (template) lines.push(`template ${template[1]}: ${template[2]} fields, ${template[3]} scope`);
    else if (field) lines.push(`  ${field[1]}/${field[2]} ${field[3]} ${field[4]}`);
    else if (record) lines.push(`record of ${record[2]}: ${record[1]} fields`);
    else if (value) lines.push(`  ${value[1] ?? 0}/${value[2]} = ${normalized(value[3] ?? "")}`);
  }
  return lines;
}

/**
 * An IPv6 address can be written in many ways; a time's digits past the millisecond are not read (ipfixDump 2.4.1
 * prints zeros).
 */
function normalized(text: string): string {
  if (/^\d+-\d+-\d+ \d+:\d+:\d+\.\d{6,}$/.test(text)) return text.slice(0, text.indexOf("."));
  const address = /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/.test(text) ? parseIPv6(text) : undefined;
  return address === undefined ? text : `[${address.toHex()}]`;
}

function expectedLines(inspected: Inspected): string[] {
  switch (inspected.kind) {
    case "message":
      return [
        `message of ${inspected.length} octets, domain ${inspected.observationDomain}, sequence ${inspected.sequenceNumber}`,
      ];
    case "template": {
      const { id, fields, scopeFieldCount } = inspected.template;
      return [
        `template ${id}: ${fields.length} fields, ${scopeFieldCount} scope`,
        ...fields.map(({ element, length }) => `  ${element.pen}/${element.id} ${TYPE_NAMES[element.type]} ${length}`),
      ];
    }
    case "withdrawal":
      return [`template ${inspected.template}: 0 fields, 0 scope`];
    case "record":
      return [
        `record of ${inspected.template.id}: ${inspected.values.length} fields`,
        ...inspected.template.fields.map((field, index) =>
          `  ${field.element.pen}/${field.element.id} = ${expectedText(field, inspected.values[index] ?? "")}`
        ),
      ];
  }
}

/** A value in ipfixDump's words. */
function expectedText({ element, length }: FieldSpecifier, value: Value): string {
  switch (element.type) {
    case "string":
      // It stops printing at a NUL.
      return `(len: ${new TextEncoder().encode(String(value)).length}) ${String(value).replace(/\0.*/s, "")}`;
    case "boolean":
      return value === true ? "1" : "2";
    case "dateTimeSeconds":
    case "dateTimeMilliseconds":
      return String(value).replace("T", " ").replace("Z", "");
    case "dateTimeMicroseconds":
    case "dateTimeNanoseconds":
      return String(value).replace("T", " ").replace(/(\.\d+)?Z$/, "");
    case "ipv6Address":
      return `[${parseIPv6(String(value))?.toHex()}]`;
    case "octetArray":
      if (!(value instanceof Uint8Array)) return String(value);
      if (element.name === "paddingOctets") return `len: ${length}`;
      if (length === VARIABLE) return `(len: ${value.length})${value.length === 0 ? "" : ` 0x${value.toHex()}`}`;
      return String(value);
    default:
      return String(value);
  }
}
