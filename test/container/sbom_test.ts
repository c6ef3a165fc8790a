import assert from "node:assert/strict";
import { billOfMaterials } from "../../config/container/sbom.ts";
import project from "../../deno.json" with { type: "json" };
import { at } from "../kubernetes/overlays/objects.ts";

Deno.test("the bill of materials has each package of the program once, with licence and digest, and no tool of the tests", async () => {
  const text = await billOfMaterials();
  assert.equal(await billOfMaterials(), text, "the same sources give the same text");
  const bom: unknown = JSON.parse(text);
  assert.equal(at(bom, "specVersion"), "1.6");
  assert.equal(at(bom, "metadata.component.version"), project.version);
  const components = at(bom, "components");
  assert.ok(Array.isArray(components));
  const names = components.map((component) =>
    String(at(component, "purl")).replace("pkg:npm/", "").replace(/@[^@]*$/, "")
  );
  const identities = components.map((component) => at(component, "purl"));
  assert.equal(new Set(identities).size, identities.length);
  for (const name of ["commander", "hono", "prom-client", "undici", "yaml", "zod", "%40logtape/logtape"]) {
    assert.ok(names.includes(name), name);
  }
  for (
    const name of ["fast-check", "playwright-core", "axe-core", "assemblyscript", "%40cyclonedx/cyclonedx-library"]
  ) {
    assert.ok(!names.includes(name), name);
  }
  for (const component of components) {
    const name = String(at(component, "purl"));
    const licence = at(component, "licenses.0.license.id") ?? at(component, "licenses.0.expression");
    assert.match(String(licence), /^[\w.() -]+$/, name);
    assert.notEqual(licence, undefined, name);
    assert.equal(at(component, "hashes.0.alg"), "SHA-512");
    assert.match(String(at(component, "hashes.0.content")), /^[0-9a-f]{128}$/, name);
  }
});
