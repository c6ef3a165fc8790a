import assert from "node:assert/strict";
import { loadConfiguration } from "../../../src/config/load.ts";

for (const place of ["sidecar", "gateway"]) {
  Deno.test(`the configuration of ${place} has no mistake, trusts by mode auto, and is reached for probes`, async () => {
    const file = new URL(`../../../config/kubernetes/${place}/proxy.yaml`, import.meta.url).pathname;
    const { listeners, kubernetes, admin } = await loadConfiguration(file);
    assert.deepEqual(listeners.map(({ transport, address }) => `${transport} ${address.hostname}:${address.port}`), [
      "tls 0.0.0.0:24739",
    ]);
    assert.equal(kubernetes?.trust, "auto");
    assert.equal(kubernetes?.restoreOnDrain, true);
    assert.deepEqual([admin.address.hostname, admin.address.port], ["0.0.0.0", 24780]);
  });
}
