import antrea from "../../../config/registries/antrea.csv" with { type: "text" };
import iana from "../../../config/registries/iana.csv" with { type: "text" };
import reverse from "../../../config/registries/reverse.csv" with { type: "text" };
import type { Registry, RegistryHistory } from "../../ipfix/registry/registry.ts";
import { parseRegistry, parseRegistryHistory } from "../../ipfix/registry/registry_csv.ts";

let history: RegistryHistory | undefined;
let ianaRegistry: Registry | undefined;

/** The elements that every go-ipfix release knew, from the shipped registries. Parsed once. */
export function registryHistory(): RegistryHistory {
  history ??= parseRegistryHistory([
    { file: "config/registries/iana.csv", text: iana },
    { file: "config/registries/reverse.csv", text: reverse },
    { file: "config/registries/antrea.csv", text: antrea },
  ]);
  return history;
}

/**
 * Returns a shipped registry: `go-ipfix/v0.16.0`, or `iana` (IANA's elements and their reverse elements, RFC 5103).
 *
 * @returns undefined for any other name
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(shippedRegistry("go-ipfix/v0.8.2")?.byName("egressNodeName"), undefined);
 * assert.equal(shippedRegistry("go-ipfix/v0.9.0")?.byName("egressNodeName")?.id, 157);
 * ```
 */
export function shippedRegistry(name: string): Registry | undefined {
  if (name === "iana") return ianaRegistry ??= parseRegistry("iana", iana);
  const version = /^go-ipfix\/(v\d.*)$/.exec(name)?.[1];
  if (version === undefined) return undefined;
  try {
    return registryHistory().at(version);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
