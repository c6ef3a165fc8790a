import { createHash } from "node:crypto";
import { datagramFault } from "../../../ipfix/message/framing.ts";
import type { CachedExporter } from "./cached_exporter.ts";
import { scanTemplates } from "./datagram_scan.ts";

const FORMAT = "ipfix-skew-proxy templates";
const VERSION = 1;
const NEWLINE = 0x0a;
/** Maximum length of the first line in octets. */
export const LONGEST_HEADER = 512;

/** Encodes an exporter as a line of the file. */
export function encodeExporter({ templates, ...exporter }: CachedExporter): string {
  return `${JSON.stringify({ ...exporter, templates: templates.map((octets) => octets.toBase64()) })}\n`;
}

/** Encodes a file of these lines, preceded by one with its format, version, length and checksum. */
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
 * Decodes a file. Everything is checked, down to the templates, since its contents are relayed as if the exporter had
 * sent them.
 *
 * @throws Error that says what is wrong with the file
 */
export function decodeCacheFile(file: Uint8Array): CachedExporter[] {
  const end = file.subarray(0, LONGEST_HEADER).indexOf(NEWLINE);
  const header = end < 0 ? undefined : parse(file.subarray(0, end));
  if (!isRecord(header) || header["format"] !== FORMAT) throw new Error("it is not a template cache");
  if (header["version"] !== VERSION) {
    throw new Error(`it has version ${header["version"]}; this program reads version ${VERSION}`);
  }
  const content = file.subarray(end + 1);
  if (header["octets"] !== content.length) {
    throw new Error(`it has ${content.length} octets of ${header["octets"]}`);
  }
  if (header["sha256"] !== digestOf(content)) throw new Error("its checksum does not match: it is damaged");
  const lines = new TextDecoder().decode(content).split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const exporter = exporterOf(parse(new TextEncoder().encode(line)));
    if (exporter === undefined) throw new Error(`line ${index + 2} does not describe an exporter`);
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

/** Decodes a message that contains templates and no data sets that need another. */
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
