import assert from "node:assert/strict";
import { writeBundle } from "../../../config/container/bundle.ts";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import { LineProcess } from "../../support/processes/line_process.ts";
import { line } from "../peers/releases.ts";
import { agentFlow } from "./agent_flows.ts";
import { FlowCollector, FlowExporter } from "./peer.ts";
import { PATIENCE } from "../../support/time/until.ts";

/** The flags of the image's entry point, with what may be read in other places. */
async function entryPoint(readable: readonly string[]): Promise<string[]> {
  const file = await Deno.readTextFile(new URL("../../../config/container/Containerfile", import.meta.url));
  const [, json = ""] = /^ENTRYPOINT (\[(?:[^\]\\]|\\\n)*\])/m.exec(file) ?? [];
  const [deno, ...flags] = JSON.parse(json.replaceAll("\\\n", "")) as string[];
  assert.equal(deno, "/bin/deno");
  return flags.map((flag) => flag.startsWith("--allow-read=") ? `--allow-read=${readable.join()}` : flag);
}

interopTest("gRPC works in and out from the bundle, with the permissions of the image", async () => {
  await using identities = await issueIdentities();
  await using collector = await FlowCollector.start(identities.collector);
  const folder = await Deno.makeTempDir();
  try {
    await writeBundle(new URL(`file://${folder}/app/`));
    const tls = JSON.stringify({ mode: "files", ...identities.proxy });
    await Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      `listen: [{ transport: grpc, address: "127.0.0.1:0", tls: ${tls} }]
collector: { transport: grpc, address: "${collector.address}", profile: antrea/v2.7, tls: ${tls} }
admin: { address: "127.0.0.1:0" }
`,
    );
    const flags = await entryPoint([folder, identities.folder]);
    const args = flags.map((flag) => flag.replace("/app/main.js", `${folder}/app/main.js`));
    await using proxy = new LineProcess(Deno.execPath(), [...args, "serve", "--config", `${folder}/proxy.yaml`]);
    const started = () => proxy.stderr.find((text) => text.includes('"event":"started"'));
    assert.ok(await proxy.until(() => started() !== undefined, PATIENCE), proxy.stderr.join("\n"));
    const address = /grpc ([\d.:]+)/.exec(started() ?? "")?.[1] ?? assert.fail(started());
    await using exporter = await FlowExporter.start(address, identities.exporter);
    await exporter.ask({ flows: [agentFlow(line("v2.7"), "ipv4", 1, "typical")] });
    assert.ok(await collector.process.until(() => collector.count === 1, PATIENCE), proxy.stderr.join("\n"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
