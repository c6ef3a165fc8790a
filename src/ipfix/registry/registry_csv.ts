import { isLengthOfType } from "../types/abstract_data_type.ts";
import { type InformationElement, unknownElement } from "./information_element.ts";
import type { Registry, RegistryHistory } from "./registry.ts";
import { parseRegistryRows, RegistryError, type RegistryRow } from "./registry_rows.ts";
import { reverseElement } from "./reverse_element.ts";
import {
  compareSemanticVersions,
  formatSemanticVersion,
  parseSemanticVersion,
  type SemanticVersion,
} from "./semantic_version.ts";

export { REGISTRY_COLUMNS, RegistryError, type RegistryMistake } from "./registry_rows.ts";

/** A registry file's text, and the name that errors give to the file. */
export interface RegistryText {
  readonly file: string;
  readonly text: string;
}

/**
 * Parses what every go-ipfix release knew, from CSV with the columns
 * `pen,id,name,type,length,reversible,go_ipfix_since,go_ipfix_until` (since: inclusive, until: exclusive, both
 * `vMAJOR.MINOR.PATCH` or empty). A row with `reversible` yes also stands for its RFC 5103 reverse element in the same
 * releases, unless rows under PEN 29305 define that id themselves.
 *
 * @param csvTexts read as one registry; a plain text is called `registry 1`, `registry 2`, … in errors
 * @throws RegistryError with every mistake as `file:line:column: problem (allowed)`; two elements with the same PEN and
 *   id, or the same name, in one release are a mistake
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const history = parseRegistryHistory([`pen,id,name,type,length,reversible,go_ipfix_since,go_ipfix_until
 * 0,89,forwardingStatus,unsigned8,1,yes,v0.2.0,v0.16.0
 * 0,89,forwardingStatus,unsigned32,4,yes,v0.16.0,
 * `]);
 * assert.equal(history.at("v0.9.0").lookup(0, 89)?.type, "unsigned8");
 * assert.equal(history.at("v0.17.0").byName("reverseForwardingStatus")?.length, 4);
 * assert.throws(() => history.at("v0.1.0"), RangeError);
 * ```
 */
export function parseRegistryHistory(csvTexts: readonly (string | RegistryText)[]): RegistryHistory {
  const rows = rowsOf(
    csvTexts.map((text, index) => typeof text === "string" ? { file: `registry ${index + 1}`, text } : text),
  );
  // Newest first under each key, which is the order in which resolve tries them.
  const states = new Map<number, RegistryRow[]>();
  for (const row of rows.toSorted((one, other) => -compareSince(one, other))) {
    const key = keyOf(row.element.pen, row.element.id);
    const under = states.get(key);
    if (under === undefined) states.set(key, [row]);
    else under.push(row);
  }
  const newest = registryOf("newest", newestStates(rows));
  const oldest = rows.map(({ since }) => since).filter((since) => since !== undefined)
    .toSorted(compareSemanticVersions)[0];
  const releases = new Map<string, Registry>();

  return {
    newest,
    at(version) {
      const wanted = parseSemanticVersion(version);
      if (wanted === undefined || oldest === undefined || compareSemanticVersions(wanted, oldest) < 0) {
        const allowed = oldest === undefined ? "none, the registry has no releases" : formatSemanticVersion(oldest);
        throw new RangeError(`go-ipfix ${version} is not in the registry (allowed: ${allowed} and later, as v0.16.0)`);
      }
      const known = releases.get(version);
      if (known !== undefined) return known;
      const elements = rows.filter((row) => covers(row, wanted)).map(({ element }) => element);
      const registry = registryOf(`go-ipfix/${version}`, elements);
      releases.set(version, registry);
      return registry;
    },
    resolve(pen, id, length, enterpriseBit) {
      // No registry has PEN 0 with the enterprise bit, and there is no PEN without it.
      const under = enterpriseBit === (pen !== 0) ? states.get(keyOf(pen, id)) : undefined;
      const fitting = under?.find(({ element }) => element.length === length) ??
        under?.find(({ element }) => isLengthOfType(element.type, length)) ?? under?.[0];
      return fitting?.element ?? unknownElement(pen, id, enterpriseBit);
    },
  };
}

/**
 * Parses one registry. The columns `reversible`, `go_ipfix_since` and `go_ipfix_until` may be missing; if an element
 * has several states, the newest counts.
 *
 * @param name the registry's name, and the file's in errors
 * @throws RegistryError as {@link parseRegistryHistory}
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const registry = parseRegistry("own.csv", "pen,id,name,type,length\n64512,1,queueDepth,unsigned16,2\n");
 * assert.equal(registry.byName("queueDepth")?.pen, 64512);
 * assert.throws(
 *   () => parseRegistry("own.csv", "pen,id,name,type,length\n64512,99999,queueDepth,unsigned16,2\n"),
 *   { message: 'own.csv:2:7: id "99999" is wrong (allowed: an integer between 0 and 32767)' },
 * );
 * ```
 */
export function parseRegistry(name: string, csv: string): Registry {
  return registryOf(name, newestStates(rowsOf([{ file: name, text: csv }])));
}

function rowsOf(texts: readonly RegistryText[]): readonly RegistryRow[] {
  const written = texts.flatMap(({ file, text }) => parseRegistryRows(file, text));
  const keys = new Set(written.map(({ element }) => keyOf(element.pen, element.id)));
  const derived = written.filter(({ reversible }) => reversible)
    .map((row) => ({ ...row, reversible: false, element: reverseElement(row.element) }))
    .filter(({ element }) => !keys.has(keyOf(element.pen, element.id)));
  const rows = [...written, ...derived];
  refuseOverlaps(rows, ({ element }) => `${element.pen}/${element.id}`);
  refuseOverlaps(rows, ({ element }) => element.name);
  return rows;
}

function refuseOverlaps(rows: readonly RegistryRow[], keyOfRow: (row: RegistryRow) => string): void {
  const mistakes = [...Map.groupBy(rows, keyOfRow)].flatMap(([key, group]) => {
    const sorted = group.toSorted(compareSince);
    return sorted.flatMap((row, index) => {
      const before = sorted[index - 1];
      if (before === undefined || !overlap(before, row)) return [];
      const first = `${before.file}:${before.line}`;
      const problem = `${key} is already in ${first} for the same releases (allowed: once)`;
      return [{ file: row.file, line: row.line, column: 1, problem }];
    });
  });
  if (mistakes.length > 0) throw new RegistryError(mistakes);
}

/** Of two rows, the first not the newer one. */
function overlap(before: RegistryRow, row: RegistryRow): boolean {
  if (before.until === undefined || row.since === undefined) return true;
  return compareSemanticVersions(before.until, row.since) > 0;
}

function covers({ since, until }: RegistryRow, version: SemanticVersion): boolean {
  return (since === undefined || compareSemanticVersions(since, version) <= 0) &&
    (until === undefined || compareSemanticVersions(version, until) < 0);
}

/** A row of every release is older than all others. */
function compareSince(one: RegistryRow, other: RegistryRow): number {
  if (one.since === undefined || other.since === undefined) {
    return (one.since === undefined ? 0 : 1) - (other.since === undefined ? 0 : 1);
  }
  return compareSemanticVersions(one.since, other.since);
}

function newestStates(rows: readonly RegistryRow[]): readonly InformationElement[] {
  const newest = new Map<number, RegistryRow>();
  for (const row of rows) {
    const key = keyOf(row.element.pen, row.element.id);
    const standing = newest.get(key);
    if (standing === undefined || compareSince(standing, row) < 0) newest.set(key, row);
  }
  return [...newest.values()].map(({ element }) => element);
}

function registryOf(name: string, elements: readonly InformationElement[]): Registry {
  const byKey = new Map(elements.map((element) => [keyOf(element.pen, element.id), element]));
  const byName = new Map(elements.map((element) => [element.name, element]));
  return {
    name,
    lookup: (pen, id) => byKey.get(keyOf(pen, id)),
    byName: (wanted) => byName.get(wanted),
    elements: () => byKey.values(),
  };
}

/** One number for a PEN of 32 bits and an id of 15. */
function keyOf(pen: number, id: number): number {
  return pen * 32768 + id;
}
