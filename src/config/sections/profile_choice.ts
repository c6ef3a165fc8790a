import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import type { Configuration } from "../configuration.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";
import { findProfile, PROFILE_NAMES } from "../profiles/profiles.ts";
import type { Path } from "../yaml/mistake.ts";
import type { PeerSection, Sections } from "./sections.ts";

/** Stands for a profile that is not known yet; nothing is served with it. */
const PLACEHOLDER_PROFILE = "rfc7011";

/** What the collector at the top of a file may be. */
export interface ProfileChoice {
  /** What its profile, or the fallback, says; undefined with mistakes, or where only candidates are named. */
  readonly named: Profile | undefined;
  readonly candidates: readonly Profile[];
  /** Present with `profile: auto`. */
  readonly automatic: Configuration["automaticProfile"];
}

/**
 * Chooses the profile of the collector at the top of a file.
 *
 * @param automaticProfile the profile that `auto` means now; undefined: not known
 */
export function chooseProfile(
  reader: ConfigurationReader,
  sections: Sections,
  profiles: Profiles,
  automaticProfile: string | undefined,
): ProfileChoice {
  const { collector } = sections;
  const automatic = automaticChoice(reader, sections, automaticProfile);
  const fallback = profiles.find(collector.fallbackProfile, ["collector", "fallbackProfile"]);
  const named = automatic !== undefined && automaticProfile === undefined && fallback !== undefined
    ? fallback
    : profiles.find(automatic?.name ?? collector.profile, ["collector", "profile"]);
  const candidates = candidatesOf(reader, profiles, collector, ["collector"]);
  if (collector.profile === undefined && collector.candidates === undefined) requireProfile(reader);
  return { named, candidates, automatic: automatic?.choice };
}

/** What `profile: auto` means; undefined for any other profile. */
function automaticChoice(
  reader: ConfigurationReader,
  { collector: { profile, fallbackProfile, candidates } }: Sections,
  known: string | undefined,
): { readonly name: string; readonly choice: NonNullable<Configuration["automaticProfile"]> } | undefined {
  if (profile !== "auto") {
    // Without either of the two, it is the profile that is missing.
    const instead = profile !== undefined ? `profile ${profile}` : candidates !== undefined ? "candidates" : undefined;
    if (fallbackProfile !== undefined && instead !== undefined) {
      reader.mistake(["collector", "fallbackProfile"], `not with ${instead} (profile: auto)`, "key");
    }
    return undefined;
  }
  return {
    name: known ?? fallbackProfile ?? PLACEHOLDER_PROFILE,
    choice: {
      isKnown: (known ?? fallbackProfile) !== undefined,
      ...(known === undefined ? {} : { known }),
      ...(fallbackProfile === undefined ? {} : { fallback: fallbackProfile }),
    },
  };
}

/** The candidates of a `collector:`, which need a connection that shows whether its process has ended. */
export function candidatesOf(
  reader: ConfigurationReader,
  profiles: Profiles,
  { candidates, transport = "tcp", watch }: NonNullable<PeerSection["collector"]>,
  path: Path,
): Profile[] {
  const found = (candidates ?? []).flatMap((name, index) => profiles.find(name, [...path, "candidates", index]) ?? []);
  if (found.length > 0 && transport !== "tcp" && transport !== "tls" && watch === undefined) {
    const why = "needs a connection that shows whether the network or the collector has ended";
    reader.mistake([...path, "candidates"], `${why} (transport tcp or tls, or collector.watch)`, "key");
  }
  return found;
}

/** The profiles of a collector in the order in which they are tried: its own, then its candidates. */
export function triedProfiles(profiles: Profiles, own: string | undefined, candidates: readonly string[]): Profile[] {
  const names = own === undefined || own === "auto" ? candidates : [own, ...candidates];
  return [...new Set(names)].flatMap((name) => profiles.known(name) ?? []);
}

function requireProfile(reader: ConfigurationReader): void {
  const { document } = reader;
  // Missing because of another mistake, which is reported.
  const value = document.valueAt(["collector"]);
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap || document.valueAt(["collector", "profile"]) !== undefined) return;
  reader.mistake(["collector", "profile"], `missing (auto, ${PROFILE_NAMES})`);
}

/** Loads the profiles that a file names, each once. */
export class Profiles {
  readonly #found = new Map<string, Profile | undefined>();

  constructor(readonly reader: ConfigurationReader) {}

  /** What may be wrong with those found so far. */
  get warnings(): string[] {
    return [...this.#found.values()].flatMap((profile) => profile?.warning ?? []);
  }

  /** One that was found before. */
  known(name: string | undefined): Profile | undefined {
    return name === undefined ? undefined : this.#found.get(name);
  }

  find(name: string | undefined, path: Path): Profile | undefined {
    const { document, directory, readTextFile, mistakes } = this.reader;
    if (name === undefined) return undefined;
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const reference = { text: name, mistake: (message: string) => document.mistake(path, message) };
    const profile = findProfile(reference, directory, readTextFile, mistakes);
    this.#found.set(name, profile);
    return profile;
  }
}
