import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "@std/yaml";
import { loadConfiguration } from "../../../src/config/load.ts";
import { at } from "./objects.ts";

for (const place of ["sidecar", "gateway"]) {
  Deno.test(`the configuration of ${place} has no mistake, trusts by mode auto, and is reached for probes`, async () => {
    const file = fileURLToPath(new URL(`../../../config/kubernetes/${place}/proxy.yaml`, import.meta.url));
    const { listeners, kubernetes, admin } = await loadConfiguration(file);
    assert.deepEqual(listeners.map(({ transport, address }) => `${transport} ${address.hostname}:${address.port}`), [
      "tls 0.0.0.0:24739",
      "grpc 0.0.0.0:24740",
    ]);
    assert.equal(kubernetes?.trust, "auto");
    assert.equal(kubernetes?.restoreOnDrain, true);
    assert.deepEqual([admin.address.hostname, admin.address.port], ["0.0.0.0", 24780]);
  });
}

Deno.test("each component that the overlay of an upgrade names in a comment can be taken in by removing the mark", async () => {
  const folder = new URL("../../../config/kubernetes/upgrade/", import.meta.url);
  const text = await Deno.readTextFile(new URL("kustomization.yaml", folder));
  const names = [...text.matchAll(/^ {2}(?:# )?- (\.\S+)/gm)].flatMap(([, name]) => name ?? []);
  const components = at(parse(text.replaceAll(/^ {2}# - \./gm, "  - .")), "components");
  assert.deepEqual(components, names);
  assert.equal(names.length, 6);
  for (const name of names) await Deno.stat(new URL(`${name}/kustomization.yaml`, folder));
});
