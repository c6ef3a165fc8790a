import { createHash } from "node:crypto";
import { datagramFault } from "../../../ipfix/framing.ts";
import type { CachedExporter } from "./cached_exporter.ts";
import { scanTemplates } from "./datagram_scan.ts";

const FORMAT = "ipfix-skew-proxy templates";
const VERSION = 1;
const NEWLINE = 0x0a;
/** Octets of the first line at most. */
export const LONGEST_HEADER = 512;

/** One exporter as a line of the file. */
export function encodeExporter({ templates, ...exporter }: CachedExporter): string {
  return `${JSON.stringify({ ...exporter, templates: templates.map((octets) => octets.toBase64()) })}\n`;
}

/** A file of these lines: behind one that says what it is and how to check it. */
export function encodeCacheFile(lines: readonly string[]): Uint8Array {
  const content = new TextEncoder().encode(lines.join(""));
  const header = { format: FORMAT, version: VERSION, octets: content.length, sha256: digestOf(content) };
  const first = new TextEncoder().encode(`${JSON.stringify(header)}\n`);
  const file = new Uint8Array(first.length + content.length);
  file.set(first);
  file.set(content, first.length);
  return file;
}

/**
 * What a file holds. All of it is checked, down to the templates: whoever can write the file could otherwise say anything in an
 * exporter's name.
 *
 * @throws Error that says why the file is of no use
 */
export function decodeCacheFile(file: Uint8Array): CachedExporter[] {
  const end = file.subarray(0, LONGEST_HEADER).indexOf(NEWLINE);
  const header = end < 0 ? undefined : parse(file.subarray(0, end));
  if (!isRecord(header) || header["format"] !== FORMAT) throw new Error("it is no file of templates");
  if (header["version"] !== VERSION) {
    throw new Error(`it is of version ${header["version"]}, and this program reads ${VERSION}`);
  }
  const content = file.subarray(end + 1);
  if (header["octets"] !== content.length) {
    throw new Error(`${content.length} octets are there, and ${header["octets"]} were written`);
  }
  if (header["sha256"] !== digestOf(content)) throw new Error("its checksum is another: it is damaged");
  const lines = new TextDecoder().decode(content).split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const exporter = exporterOf(parse(new TextEncoder().encode(line)));
    if (exporter === undefined) throw new Error(`line ${index + 2} describes no exporter`);
    return exporter;
  });
}

function digestOf(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("hex");
}

function parse(octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(octets));
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function exporterOf(value: unknown): CachedExporter | undefined {
  if (!isRecord(value)) return undefined;
  const { listener, address, port, announcedAt, lifetime, templates } = value;
  if (typeof listener !== "string" || typeof address !== "string" || !Array.isArray(templates)) return undefined;
  if (!isCount(port) || port > 65535 || !isCount(announcedAt) || !isCount(lifetime)) return undefined;
  const messages = templates.map(templatesOf);
  if (!messages.every((one) => one !== undefined)) return undefined;
  return { listener, address, port, announcedAt, lifetime, templates: messages };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A message that brings a template and nothing that needs one. */
function templatesOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string") return undefined;
  let message: Uint8Array;
  try {
    message = Uint8Array.fromBase64(value);
  } catch {
    return undefined;
  }
  if (datagramFault(message) !== undefined) return undefined;
  const { templates, missing } = scanTemplates(message, new Set());
  return templates > 0 && missing === undefined ? message : undefined;
}
