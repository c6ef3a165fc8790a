import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runCommand } from "../../../test/support/processes/run_command.ts";

const CONFIGURATION = fileURLToPath(new URL("../../../config/kubernetes/gateway/proxy.yaml", import.meta.url));

Deno.test("restore: a kubeconfig that cannot be read is a wrong option, and an API server that does not answer a failure", async () => {
  const kubeconfig = await Deno.makeTempFile();
  try {
    const restore = () => runCommand("restore", ["--config", CONFIGURATION, "--kubeconfig", kubeconfig]);
    const wrong = await restore();
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /^error: --kubeconfig: kubeconfig \S+: not a kubeconfig: [^\n]+\n$/);
    await Deno.writeTextFile(
      kubeconfig,
      `clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`,
    );
    const away = await restore();
    assert.equal(away.status, 1);
    assert.match(away.stderr, /the API server gives no answer: connection refused: 127\.0\.0\.1:1\n$/);
  } finally {
    await Deno.remove(kubeconfig);
  }
});
