import type { InformationElement } from "../ipfix/registry/information_element.ts";
import type { Registry } from "../ipfix/registry/registry.ts";
import type { Dialect } from "../mediation/mapping/profile/dialect.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";

interface RegistryData {
  readonly name: string;
  readonly elements: readonly InformationElement[];
}

/** A profile as JSON. Infinity, which JSON lacks, is `null`. */
export interface ProfileData extends Omit<Profile, "dialect" | "registry" | "vocabulary"> {
  readonly dialect: Readonly<Record<string, unknown>>;
  readonly registry: RegistryData;
  readonly vocabulary?: RegistryData;
}

const known = new WeakMap<Profile, ProfileData>();

/** A profile as it is sent to a plugin process; the same object for the same profile. */
export function profileData(profile: Profile): ProfileData {
  const data = known.get(profile) ?? dataOf(profile);
  known.set(profile, data);
  return data;
}

function dataOf({ dialect, registry, vocabulary, ...profile }: Profile): ProfileData {
  return {
    ...profile,
    dialect: { ...dialect, undecodableTypes: [...dialect.undecodableTypes] },
    registry: registryData(registry),
    ...(vocabulary === undefined ? {} : { vocabulary: registryData(vocabulary) }),
  };
}

/** The profile of {@link profileData}, in the process that receives it. */
export function profileOf({ dialect, registry, vocabulary, ...profile }: ProfileData): Profile {
  return {
    ...profile,
    dialect: {
      ...Object.fromEntries(Object.entries(dialect).map(([key, value]) => [key, value ?? Infinity])),
      undecodableTypes: new Set(dialect["undecodableTypes"] as string[]),
    } as unknown as Dialect,
    registry: registryOf(registry),
    ...(vocabulary === undefined ? {} : { vocabulary: registryOf(vocabulary) }),
  };
}

function registryData({ name, elements }: Pick<Registry, "name" | "elements">): RegistryData {
  return { name, elements: [...elements()] };
}

function registryOf({ name, elements }: RegistryData): Registry {
  const byNumber = new Map(elements.map((element) => [`${element.pen}/${element.id}`, element]));
  const byName = new Map(elements.map((element) => [element.name, element]));
  return {
    name,
    lookup: (pen, id) => byNumber.get(`${pen}/${id}`),
    byName: (name) => byName.get(name),
    elements: () => elements,
  };
}
