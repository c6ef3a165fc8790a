import { Command } from "commander";
import { detectAntreaRelease } from "../../config/profiles/antrea_eras.ts";
import { registryHistory } from "../../config/profiles/registries.ts";
import { VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import { jsonValue } from "../../ipfix/types/json_value.ts";
import type { Value } from "../../ipfix/types/value.ts";
import { type Inspected, Inspector } from "../../offline/inspection.ts";
import type { MessageConsumer } from "../../offline/message_stream.ts";
import { consumeInput } from "../command_line/consume_input.ts";
import { type Paint, painter, printable, terminalWidth, wantsColour, writeOctets } from "../../terminal/terminal.ts";
import { tableLines, wrapFacts, wrapWords } from "../../terminal/text_table.ts";

export function inspectCommand(): Command {
  return new Command("inspect")
    .summary("show the messages, templates and records of an IPFIX file")
    .description(
      "Reads an IPFIX file (RFC 5655) from standard input and shows its content. Exit status: 0 done, 1 a message is broken.",
    )
    .option("--keep-going", "skip a broken message whose length leads to another one; the exit status is still 1")
    .option("--json", "print one JSON object per line for each message, template and record")
    .action(inspect);
}

interface Options {
  readonly json?: boolean;
  readonly keepGoing?: boolean;
}

async function inspect({ json = false, keepGoing = false }: Options): Promise<void> {
  const [paint, width] = [painter(wantsColour()), terminalWidth()];
  const show = json ? jsonLine : (inspected: Inspected) => textOf(inspected, paint, width);
  await consumeInput(new InspectingConsumer(show), keepGoing);
}

/** Characters per write. */
const CHUNK = 65_536;

class InspectingConsumer implements MessageConsumer {
  readonly #inspector = new Inspector(registryHistory().resolve);
  readonly #encoder = new TextEncoder();

  constructor(readonly show: (inspected: Inspected) => string) {}

  async take(octets: Uint8Array): Promise<number | undefined> {
    const message = this.#inspector.next(octets);
    if (message === undefined) return undefined;
    let text = "";
    for (const inspected of message.content) {
      text += `${this.show(inspected)}\n`;
      if (text.length < CHUNK) continue;
      await writeOctets(this.#encoder.encode(text));
      text = "";
    }
    await writeOctets(this.#encoder.encode(text));
    return message.length;
  }
}

function jsonLine(inspected: Inspected): string {
  switch (inspected.kind) {
    case "template": {
      const { template: { id, scopeFieldCount, fields }, kind, offset, observationDomain } = inspected;
      const release = detectAntreaRelease(inspected.template);
      return JSON.stringify({
        kind,
        offset,
        observationDomain,
        template: id,
        scopeFieldCount,
        ...(release === undefined ? {} : { detectedProfile: release.profile, detectedRange: release.range }),
        fields: fields.map(({ element, length }) => ({
          element: element.name,
          pen: element.pen,
          id: element.id,
          type: element.type,
          length,
        })),
      });
    }
    case "record": {
      const { fields, ...head } = inspected;
      return JSON.stringify({ ...head, values: valuesByName(fields) });
    }
    default:
      return JSON.stringify(inspected);
  }
}

/** Values by element name. A repeated element is named `element#2`, `element#3`, so that none is left out. */
function valuesByName(fields: readonly (readonly [string, Value])[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const seen = new Map<string, number>();
  for (const [element, value] of fields) {
    const count = (seen.get(element) ?? 0) + 1;
    seen.set(element, count);
    values[count === 1 ? element : `${element}#${count}`] = jsonValue(value);
  }
  return values;
}

/** One item for a person, in lines no wider than this. */
export function textOf(inspected: Inspected, paint: Paint, width: number): string {
  switch (inspected.kind) {
    case "message": {
      const { offset, length, exportTime, sequenceNumber, observationDomain } = inspected;
      const facts = [`${length} octets`, exportTime, `sequence ${sequenceNumber}`, `domain ${observationDomain}`];
      return headed(paint, width, "", `message at ${offset}`, facts.map((fact) => ` ${fact}`));
    }
    case "template": {
      const { id, fields, scopeFieldCount } = inspected.template;
      const release = detectAntreaRelease(inspected.template);
      const rows = fields.map(({ element, length }, index) => [
        `${index + 1}`,
        printable(element.name),
        `${element.pen}/${element.id}`,
        element.type,
        length === VARIABLE_LENGTH ? "variable" : `${length}`,
      ]);
      const facts = [
        `${fields.length} fields`,
        ...(scopeFieldCount === 0 ? [] : [`the first ${scopeFieldCount} are its scope`]),
        ...(release === undefined ? [] : [`an Antrea Agent ${release.range}`]),
      ];
      const words = facts.map((fact, at) => (at === 0 ? " " : "") + fact + (at < facts.length - 1 ? "," : ""));
      const name = scopeFieldCount === 0 ? "template" : "options template";
      return [headed(paint, width, "  ", `${name} ${id}`, words), ...indent(fieldLines(rows, width - 4))].join("\n");
    }
    case "withdrawal":
      return `  withdrawal of template ${inspected.template}`;
    case "record": {
      const rows = inspected.fields.map(([element, value]) => [printable(element), textValue(value)] as const);
      const lines = valueLines(rows, width - 4);
      return [`  ${paint("bold", "record")} of template ${inspected.template}`, ...indent(lines)].join("\n");
    }
    case "skipped":
      return `  set ${inspected.set} of ${inspected.length} octets cannot be read: ${
        inspected.reason.replace("_", " ")
      }`;
  }
}

/** A heading followed by facts, wrapped over as many lines as needed. */
function headed(paint: Paint, width: number, indent: string, head: string, words: readonly string[]): string {
  return wrapWords([head, ...words], width, `${indent}   `, indent).join("\n").replace(
    head,
    paint("bold", head),
  );
}

/** A table of fields, or where that is too wide, each field's facts in as many lines as they need. */
function fieldLines(rows: readonly (readonly string[])[], width: number): string[] {
  const lines = tableLines(rows, ["right"]);
  if (lines.every((line) => line.length <= width)) return lines;
  const places = Math.max(...rows.map(([place = ""]) => place.length));
  return rows.flatMap(([place = "", ...facts]) =>
    wrapFacts(facts, width, " ".repeat(places + 2), `${place.padStart(places)}  `)
  );
}

/** Columns that a value beside its name has at least. */
const LEAST_ROOM = 20;

/** Names with their values beside them, or below where there is too little room; a long value has several lines. */
function valueLines(rows: readonly (readonly [name: string, value: string])[], width: number): string[] {
  const names = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  if (width - names < LEAST_ROOM) {
    return rows.flatMap(([name, value]) => [name, ...pieces(value, width - 2).map((piece) => `  ${piece}`)]);
  }
  return rows.flatMap(([name, value]) =>
    pieces(value, width - names).map((piece, index) => `${(index === 0 ? name : "").padEnd(names)}${piece}`)
  );
}

function pieces(text: string, length: number): string[] {
  return text.match(new RegExp(`.{1,${length}}`, "gu")) ?? [""];
}

function textValue(value: Value): string {
  if (value instanceof Uint8Array) return value.length === 0 ? "(no octets)" : `0x${value.toHex()}`;
  return typeof value === "string" ? (value === "" ? '""' : printable(value)) : String(value);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}
