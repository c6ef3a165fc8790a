/**
 * Antrea's releases for tests: ordered lists and go-ipfix versions as measured, in `antrea_eras.json`, apart from the
 * profiles under `config/`, so that a mistake in those shows.
 *
 * @module
 */
import type { RegistryHistory } from "../../../src/ipfix/registry/registry.ts";
import { parseRegistryHistory } from "../../../src/ipfix/registry/registry_csv.ts";
import {
  type Dialect,
  GO_IPFIX,
  GO_IPFIX_LEGACY,
  GO_IPFIX_STREAM_READ,
  RFC7011,
} from "../../../src/mediation/mapping/profile/dialect.ts";
import type { Profile, ProfileTemplate } from "../../../src/mediation/mapping/profile/profile.ts";
import eras from "./antrea_eras.json" with { type: "json" };

const REGISTRIES = ["iana", "antrea", "reverse"];

/** All elements that any go-ipfix release knew. */
export const history: RegistryHistory = parseRegistryHistory(
  REGISTRIES.map((name) => Deno.readTextFileSync(new URL(`../../../config/registries/${name}.csv`, import.meta.url))),
);

/** One template era of the Agent: `pen/id` in order. */
export interface Era {
  readonly since: string;
  readonly until: string;
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  /** Release → its go-ipfix version. */
  readonly releases: Readonly<Record<string, string | undefined>>;
}

/** The eight eras, oldest first. */
export const ERAS: readonly Era[] = eras.eras;

/** A release whose collector stands for others: `v2.2.2`. */
export function era(release: string): Era {
  const found = ERAS.find(({ releases }) => Object.hasOwn(releases, release));
  if (found === undefined) throw new Error(`no Antrea release ${release}`);
  return found;
}

/** What the Flow Aggregator of a release expects, from the measured lists. */
export function antreaProfile(release: string): Profile {
  const { ipv4, ipv6, releases } = era(release);
  const version = releases[release] ?? "";
  const registry = history.at(version);
  const element = (name: string) => {
    const [pen = NaN, id = NaN] = name.split("/").map(Number);
    const found = registry.lookup(pen, id);
    if (found === undefined) throw new Error(`go-ipfix ${version} does not know ${name}`);
    return found;
  };
  const template = (name: string, selectedBy: string, fields: readonly string[]): ProfileTemplate => ({
    name,
    selectedBy: [element(selectedBy)],
    fields: fields.map((one) => ({ element: element(one), length: element(one).length })),
  });
  return {
    name: `antrea/${release}`,
    dialect: dialectOf(version),
    registry,
    acceptsUnknownElements: false,
    templates: [template("IPv4", "0/8", ipv4), template("IPv6", "0/27", ipv6)],
    renames: [],
  };
}

/** A collector without limits. */
export const rfc7011: Profile = {
  name: "rfc7011",
  dialect: RFC7011,
  registry: history.newest,
  acceptsUnknownElements: true,
  templates: [],
  renames: [],
};

/**
 * RFC 7011's dialect with the list and the registry of a release: own shape and lists without any limit of go-ipfix.
 */
export function withoutLimits(release: string, dialect: Partial<Dialect> = {}): Profile {
  return { ...antreaProfile(release), name: `${release} without limits`, dialect: { ...RFC7011, ...dialect } };
}

function dialectOf(version: string): Dialect {
  const [minor = NaN, patch = NaN] = version.split(".").slice(1).map(Number);
  if (minor >= 12) return GO_IPFIX;
  return minor > 5 || (minor === 5 && patch >= 6) ? GO_IPFIX_LEGACY : GO_IPFIX_STREAM_READ;
}

/** Collectors that stand for all: every era, every dialect, every go-ipfix line that decodes differently. */
export const COLLECTORS: readonly string[] = [
  "v0.13.5",
  "v1.0.3",
  "v1.1.2",
  "v1.12.3",
  "v1.14.3",
  "v1.15.2",
  "v2.0.0",
  "v2.2.2",
  "v2.3.0",
  "v2.5.3",
  "v2.6.3",
  "v2.7.0",
];
