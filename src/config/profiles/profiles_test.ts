import assert from "node:assert/strict";
import type { Template } from "../../ipfix/record/template.ts";
import type { ProfileTemplate } from "../../mediation/mapping/profile/profile.ts";
import { antreaEras, detectAntreaRelease } from "./antrea_eras.ts";
import { ANTREA_RELEASES, antreaProfileNames } from "./antrea_releases.ts";
import { loadProfile } from "./profiles.ts";
import sources from "./testdata/antrea_sources.json" with { type: "json" };

/** The collecting process that a go-ipfix version has: v0.5.6 and v0.12.0 are where it changed. */
function dialectOf(goIpfix: string): string {
  const [, minor = 0, patch = 0] = goIpfix.slice(1).split(".").map(Number);
  if (minor < 5 || (minor === 5 && patch <= 5)) return "go-ipfix-stream-read";
  return minor <= 11 ? "go-ipfix-legacy" : "go-ipfix";
}

function fieldsText(template: ProfileTemplate | undefined): string | undefined {
  return template?.fields.map(({ element, length }) => `${element.pen}/${element.id}:${length}`).join(" ");
}

const templatesSince = new Map(Object.entries(sources.templates));

Deno.test("every release has its own list, registry and dialect, as the sources of that release have them", () => {
  let count = 0;
  for (const { line, patches, goIpfix, templateSince } of sources.releases) {
    for (const patch of patches) {
      const profile = loadProfile(`antrea/${line}.${patch}`);
      const expected = templatesSince.get(templateSince);
      assert.equal(profile.name, `antrea/${line}.${patch}`);
      assert.equal(profile.registry.name, `go-ipfix/${goIpfix}`);
      assert.equal(profile.dialect.name, dialectOf(goIpfix), profile.name);
      assert.deepEqual(
        profile.templates.map(({ name, selectedBy }) => [name, selectedBy.map(({ name }) => name).join()]),
        [
          ["IPv4", "sourceIPv4Address"],
          ["IPv6", "sourceIPv6Address"],
        ],
      );
      assert.equal(fieldsText(profile.templates[0]), expected?.ipv4, profile.name);
      assert.equal(fieldsText(profile.templates[1]), expected?.ipv6, profile.name);
      assert.equal(profile.acceptsUnknownElements, false);
      count++;
    }
  }
  assert.equal(ANTREA_RELEASES.length, count, "releases that the sources do not have");
});

Deno.test("a line means its newest release", () => {
  for (const line of new Set(sources.releases.map(({ line }) => line))) {
    const last = sources.releases.findLast((run) => run.line === line);
    const newest = loadProfile(`antrea/${line}.${last?.patches.at(-1)}`);
    assert.deepEqual({ ...loadProfile(`antrea/${line}`), name: newest.name }, newest);
  }
});

Deno.test("each era's file is the profile of the line it is named after", () => {
  // Else the file, used by its path or as somebody's `extends`, would be another collector than the name says.
  for (const { profile, since } of antreaEras()) {
    const byPath = loadProfile(`config/profiles/${profile}.yaml`);
    assert.deepEqual({ ...byPath, registry: byPath.registry.name }, {
      ...loadProfile(profile),
      registry: loadProfile(profile).registry.name,
    });
    assert.equal(profile, `antrea/${since.replace(/\.0$/, "")}`);
  }
});

Deno.test("eras span the releases that the sources say", () => {
  assert.deepEqual(
    antreaEras().map(({ since, until }) => [since, until]),
    [...templatesSince].map(([since, { until }]) => [since, until]),
  );
  assert.deepEqual(antreaEras().map(({ range }) => range), [
    "v0.12-v0.13",
    "v1.0",
    "v1.1-v1.12",
    "v1.13-v1.14",
    "v1.15",
    "v2.0-v2.5",
    "v2.6",
    "v2.7",
  ]);
});

Deno.test("collectors before v2.7 know a Service's address as its ClusterIP", () => {
  for (const name of antreaProfileNames()) {
    const renames = loadProfile(name).renames.map(({ from, to }) =>
      `${from.name} ${to.name} ${from.known && to.known}`
    );
    assert.deepEqual(
      renames,
      name.startsWith("antrea/v2.7")
        ? []
        : ["destinationServiceIPv4 destinationClusterIPv4 true", "destinationServiceIPv6 destinationClusterIPv6 true"],
      name,
    );
  }
});

Deno.test("rfc7011 keeps every template and accepts every element", () => {
  const profile = loadProfile("rfc7011");
  assert.deepEqual(
    [profile.dialect.name, profile.registry.name, profile.templates, profile.renames, profile.acceptsUnknownElements],
    ["rfc7011", "iana", [], [], true],
  );
  assert.equal(profile.registry.byName("reverseOctetDeltaCount")?.pen, 29305);
  assert.equal(profile.registry.byName("sourcePodName"), undefined);
});

Deno.test("the exporter's release is recognised by either of its templates", () => {
  for (const { profile, range } of antreaEras()) {
    for (const { fields } of loadProfile(profile).templates) {
      const template: Template = { id: 300, fields, scopeFieldCount: 0 };
      assert.deepEqual(detectAntreaRelease(template), { profile, range });
      assert.equal(detectAntreaRelease({ ...template, fields: fields.slice(1) }), undefined);
    }
  }
});

Deno.test("an unknown name is refused with the nearest names", () => {
  const allowed =
    "antrea/v0.12 to antrea/v2.7, one release such as antrea/v1.15.2, rfc7011, or the path of a profile file such as ./profile.yaml";
  for (
    const [name, near] of [
      ["antrea/v1.16", "antrea/v1.15, antrea/v1.14, antrea/v1.13"],
      ["antrea/2.7", "antrea/v2.7, antrea/v2.6, antrea/v2.5"],
      ["Antrea/v2.3.9", "antrea/v2.3.2, antrea/v2.3.1, antrea/v2.3.0"],
      ["rfc7012", "rfc7011, "],
      ["antrea/v1.51", "antrea/v1.15, "],
      ["v1.15", "antrea/v1.15?"],
      ["v1.15.2", "antrea/v1.15.2?"],
    ] as const
  ) {
    assert.throws(() => loadProfile(name), (error) => {
      assert(error instanceof Error);
      assert(error.message.startsWith(`${name}: unknown profile "${name}", did you mean ${near}`), error.message);
      assert(error.message.endsWith(`? (${allowed})`), error.message);
      return true;
    });
  }
});

Deno.test("a release newer than all known ones stands for the newest, with a warning that says so", () => {
  const newest = loadProfile("antrea/v2.7");
  for (const name of ["antrea/v2.8", "antrea/v2.8.0", "antrea/v2.10.3", "antrea/v2.7.99"]) {
    const { warning, ...profile } = loadProfile(name);
    assert.deepEqual(profile, newest);
    assert.match(
      warning ?? "",
      new RegExp(`^${name} is newer than every release that this version knows; antrea/v2.7 stands for it`),
    );
  }
  const heir = loadProfile("own.yaml", () => "name: own\nextends: antrea/v2.8\n");
  assert.match(heir.warning ?? "", /^antrea\/v2.8 is newer/);
  assert.equal(newest.warning, undefined);
  assert.throws(() => loadProfile("antrea/v3.0"), /unknown profile/, "a major version may change anything");
});

Deno.test("nfcapd and nfacctd take every template, and have one layout for each domain and id", () => {
  const rfc7011 = loadProfile("rfc7011");
  assert.equal(rfc7011.dialect.templateScopeAssumed, true);
  for (const name of ["nfcapd", "nfacctd"]) {
    const { dialect, ...profile } = loadProfile(name);
    assert.equal(dialect.templateScope, "observation-domain");
    assert.equal(dialect.templateScopeAssumed, undefined, "it is said");
    assert.deepEqual(profile, { ...profile, templates: [], acceptsUnknownElements: true });
  }
  const said = loadProfile("own.yaml", () => "name: own\nextends: rfc7011\ndialect: { templateScope: session }\n");
  assert.equal(said.dialect.templateScopeAssumed, undefined);
  const unsaid = loadProfile("own.yaml", () => "name: own\nextends: rfc7011\ndialect: { setsPerMessage: 1 }\n");
  assert.equal(unsaid.dialect.templateScopeAssumed, true);
});
