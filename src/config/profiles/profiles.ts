import { dirname, isAbsolute, join } from "node:path";
import type { Registry } from "../../ipfix/registry/registry.ts";
import { parseRegistry, RegistryError } from "../../ipfix/registry/registry_csv.ts";
import { DIALECTS } from "../../mediation/mapping/profile/dialect.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import { nearestNames } from "../../mediation/mapping/profile/nearest_names.ts";
import { ANTREA_RELEASES, antreaProfileNames, antreaRelease, newestForNewer, usesGrpc } from "./antrea_releases.ts";
import { ConfigurationError, type Mistake, mistakesInOrder } from "../yaml/mistake.ts";
import { draftProfile, type ProfileDraft, type Reference } from "./profile_draft.ts";
import { completeProfile } from "./profile_elements.ts";
import { profileSchema } from "./profile_schema.ts";
import { shippedRegistry } from "./registries.ts";
import { checkSchema } from "../yaml/schema_mistakes.ts";
import { SHIPPED_PROFILES } from "./shipped_profiles.ts";
import { YamlDocument } from "../yaml/yaml_document.ts";
import { cannotRead, type ReadTextFile, readTextFile } from "../../text_file.ts";

/** What is allowed as a profile, for mistakes. */
export const PROFILE_NAMES = `antrea/${ANTREA_RELEASES.at(0)?.line} to antrea/${ANTREA_RELEASES.at(-1)?.line}, ` +
  "one release such as antrea/v1.15.2, rfc7011, or the path of a profile file such as ./profile.yaml";

const complete = new Map<string, Profile>();

/**
 * Loads the profile of one collector release.
 *
 * @param name `antrea/v2.0` (a line's newest release), `antrea/v2.0.1`, `rfc7011`, or the path of a profile file; an
 *   Antrea release newer than all known ones stands for the newest, with {@link Profile.warning}
 * @param namedBy what names it, such as an option: the place of mistakes that are not in a profile file
 * @throws ConfigurationError for an unknown name, with the nearest names, and with every mistake in a profile file
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const profile = loadProfile("antrea/v1.15");
 * assert.equal(profile.dialect.name, "go-ipfix-legacy");
 * assert.equal(profile.templates[0]?.fields.length, 41);
 * assert.throws(() => loadProfile("antrea/v1.16"), /did you mean antrea\/v1.15/);
 * ```
 */
export function loadProfile(name: string, read: ReadTextFile = readTextFile, namedBy = name): Profile {
  const mistakes: Mistake[] = [];
  const reference = { text: name, mistake: (message: string) => ({ file: namedBy, path: "", message }) };
  const profile = findProfile(reference, ".", read, mistakes);
  if (profile === undefined) throw new ConfigurationError(mistakesInOrder(mistakes, namedBy));
  return profile;
}

/**
 * Finds the profile that a file names.
 *
 * @param reference the name and its position
 * @param directory the directory that paths start from
 * @returns undefined after mistakes
 */
export function findProfile(
  reference: Reference,
  directory: string,
  read: ReadTextFile,
  mistakes: Mistake[],
): Profile | undefined {
  const known = complete.get(reference.text);
  if (known !== undefined) return known;
  const before = mistakes.length;
  const finder = new Finder(read, mistakes);
  const draft = finder.draft(reference, directory, []);
  const registry = draft === undefined ? undefined : finder.registry(draft);
  if (draft === undefined || registry === undefined || mistakes.length > before) return undefined;
  const profile = completeProfile(draft, registry, mistakes);
  if (profile !== undefined && !isProfilePath(reference.text)) complete.set(reference.text, profile);
  return profile;
}

/** Whether a profile's name is a path: it starts with `.` or `/`, or ends in `.yaml`, `.yml` or `.json`. */
function isProfilePath(name: string): boolean {
  return /^[./]|\.(ya?ml|json)$/.test(name);
}

/** Resolves a path from the directory of the file that names it. */
export function pathFrom(directory: string, path: string): string {
  return isAbsolute(path) ? path : join(directory, path);
}

class Finder {
  constructor(readonly read: ReadTextFile, readonly mistakes: Mistake[]) {}

  /** @param heirs the files that led here through `extends` */
  draft(reference: Reference, directory: string, heirs: readonly string[]): ProfileDraft | undefined {
    const name = reference.text;
    if (isProfilePath(name)) return this.#file(reference, pathFrom(directory, name), heirs);
    const newest = newestForNewer(name);
    const release = newest ?? antreaRelease(name);
    const text = SHIPPED_PROFILES.get(release?.era ?? name);
    if (text === undefined) {
      this.mistakes.push(reference.mistake(unknownProfile(name)));
      return undefined;
    }
    const draft = this.#parse(`config/profiles/${release?.era ?? name}.yaml`, text, heirs);
    const dialect = DIALECTS.get(release?.dialect ?? "");
    if (draft === undefined || release === undefined || dialect === undefined) return draft;
    const registry = { ...draft.registry, text: release.registry };
    const own = { ...draft, dialect, registry, servesGrpc: usesGrpc(release) };
    if (newest === undefined) return { ...own, name };
    const standIn = `antrea/${newest.line}`;
    const warning =
      `${name} is newer than every release that this version knows; ${standIn} stands for it, so what its ` +
      "templates have more is stripped";
    return { ...own, name: standIn, warning };
  }

  registry({ registry, directory }: ProfileDraft): Registry | undefined {
    if (!registry.text.endsWith(".csv")) {
      const shipped = shippedRegistry(registry.text);
      if (shipped === undefined) {
        this.mistakes.push(registry.mistake(
          `${
            JSON.stringify(registry.text)
          } is not a registry (go-ipfix/vX.Y.Z from v0.2.0, iana, or a path ending in .csv)`,
        ));
      }
      return shipped;
    }
    const path = pathFrom(directory, registry.text);
    const text = this.#read(registry, path);
    if (text === undefined) return undefined;
    try {
      return parseRegistry(path, text);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      for (const { file, line, column, problem } of error.mistakes) {
        this.mistakes.push({ file, position: { line, column }, path: "", message: problem });
      }
      return undefined;
    }
  }

  #file(reference: Reference, path: string, heirs: readonly string[]): ProfileDraft | undefined {
    if (heirs.includes(path)) {
      this.mistakes.push(
        reference.mistake(`${[...heirs, path].join(" extends ")} (a profile that does not extend itself)`),
      );
      return undefined;
    }
    const text = this.#read(reference, path);
    return text === undefined ? undefined : this.#parse(path, text, heirs);
  }

  #read(reference: Reference, path: string): string | undefined {
    try {
      return this.read(path);
    } catch (error) {
      this.mistakes.push(reference.mistake(cannotRead(path, error)));
      return undefined;
    }
  }

  #parse(file: string, text: string, heirs: readonly string[]): ProfileDraft | undefined {
    const document = new YamlDocument(file, text);
    this.mistakes.push(...document.mistakes);
    if (document.value === undefined) return undefined;
    const checked = checkSchema(profileSchema, document, [], this.mistakes);
    if (checked === undefined || document.mistakes.length > 0) return undefined;
    const { value } = checked;
    const directory = dirname(file);
    let inherited: ProfileDraft | undefined;
    if (value.extends !== undefined) {
      const parent = { text: value.extends, mistake: (message: string) => document.mistake(["extends"], message) };
      inherited = this.draft(parent, directory, [...heirs, file]);
      if (inherited === undefined) return undefined;
    }
    return draftProfile(value, document, directory, inherited, this.mistakes);
  }
}

function unknownProfile(name: string): string {
  const names = antreaProfileNames();
  const release = `antrea/${name}`;
  const near = names.includes(release)
    ? [release]
    : nearestNames(name, [...names, "rfc7011", "nfcapd", "nfacctd"], 3, Infinity);
  return `unknown profile ${JSON.stringify(name)}, did you mean ${near.join(", ")}? (${PROFILE_NAMES})`;
}
