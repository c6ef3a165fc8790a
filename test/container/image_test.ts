import assert from "node:assert/strict";
import { parse } from "@std/yaml";
import project from "../../deno.json" with { type: "json" };
import { at } from "../kubernetes/overlays/objects.ts";
import { linesOf } from "../support/processes/text_lines.ts";
import { debianTool, toolTest } from "../support/processes/tool_test_case.ts";
import { Container } from "./container.ts";
import { buildImage, type BuiltImage } from "./image.ts";

const CONFIGURATION = `
listen: [{ transport: tcp, address: "0.0.0.0:24739" }]
collector: { transport: tcp, address: "127.0.0.1:4739", profile: antrea/v1.15 }
admin: { address: "0.0.0.0:24780" }
`;

/** The sidecar's preStop hook. */
async function preStop(): Promise<string[]> {
  const patch = await Deno.readTextFile(new URL("../../config/kubernetes/sidecar/container.yaml", import.meta.url));
  const command = at(parse(patch), "1.value.0.lifecycle.preStop.exec.command");
  assert.ok(Array.isArray(command));
  return command.map(String);
}

const NAME = "the image runs as its user on a read-only root, and drains by its preStop hook";

if (Deno.uid() !== 0 && Deno.env.get("CI") !== "true") {
  Deno.test.ignore(`${NAME} [skipped: only root can make namespaces: run it as root]`, () => {});
} else toolTest(debianTool("buildah"), NAME, checkImage);

async function checkImage(): Promise<void> {
  await using image = await buildImage();
  const { configuration: { User, Env, Entrypoint, Labels }, root, size } = image;
  assert.equal(User, "65532:65532");
  assert.equal(Labels["org.opencontainers.image.version"], "0.0.1");
  assert.equal(Labels["org.opencontainers.image.licenses"], project.license);
  assert.ok(
    !Entrypoint.includes("--allow-all") && !Entrypoint.some((flag) => /^--allow-(?:write|run|ffi|sys)/.test(flag)),
  );
  assert.ok(Env.includes("DENO_TLS_CA_STORE="), "Deno trusts no public authorities");
  assert.ok(size < 130e6, `the image holds ${size} octets`);
  const names = Array.from(Deno.readDirSync(`${root}/app`), ({ name }) => name);
  for (const name of ["main.js", "LICENSE", "sbom.cdx.json", "third-party-licenses.txt"]) {
    assert.ok(names.includes(name), name);
  }
  assert.deepEqual(Array.from(Deno.readDirSync(`${root}/bin`), ({ name }) => name), ["deno"], "there is no shell");

  const folder = await Deno.makeTempDir();
  await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(`${folder}/proxy.yaml`, CONFIGURATION, { mode: 0o644 });
  using container = new Container(image, folder);
  const events: string[] = [];
  let hook: Promise<Deno.CommandOutput> | undefined;
  for await (const line of linesOf(container.process.stderr)) {
    events.push(line.startsWith("{") ? JSON.parse(line).event : line);
    if (events.at(-1) !== "started") continue;
    const { pid } = container;
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    assert.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m);
    assert.match(status, /^NSpid:\t\d+\t1$/m, "it is process 1: signals reach it");
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(await Deno.readTextFile(`/proc/${pid}/mountinfo`), / \/ \/ ro\b| \/ ro,/);
    hook = container.exec(await preStop());
    // A proxy that its hook does not end would run for ever.
    void hook.then(({ code }) => code === 0 || container.kill());
  }
  await container.process.stdout.cancel();
  const { code } = await container.process.status;
  const outcome = await hook;
  // Who is in a container whose process 1 ends is killed.
  assert.ok(outcome?.code === 0 || outcome?.signal === "SIGKILL", new TextDecoder().decode(outcome?.stderr));
  assert.ok(events.includes("started") && events.includes("draining"), events.join());
  assert.deepEqual({ code, last: events.at(-1) }, { code: 0, last: "stopped" });
  await checkPlugin(image, folder);
  await Deno.remove(folder, { recursive: true });
}

const PLUGIN = `export default {
  apiVersion: 1, name: "own", summary: "changes nothing",
  options: { safeParse: (data) => ({ success: true, data }) },
  create: () => ({ name: "own", rewrite: (mapping) => mapping }),
};`;

/** As the image's README has it: a plugin of one's own, beside the configuration, and one permission more. */
async function checkPlugin(image: BuiltImage, folder: string): Promise<void> {
  const { Entrypoint } = image.configuration;
  await Deno.writeTextFile(`${folder}/own.js`, PLUGIN);
  await Deno.writeTextFile(`${folder}/proxy.yaml`, `${CONFIGURATION}plugins: [{ use: ./own.js }]\n`);
  const check = async (entry: readonly string[]) => {
    const command = [...entry, "check", "--config", "/etc/ipfix-skew-proxy/proxy.yaml"];
    using container = new Container(image, folder, command);
    const { code, stdout, stderr } = await container.process.output();
    return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };
  const readme = await Deno.readTextFile(new URL("../../config/container/README.md", import.meta.url));
  const [, block = ""] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const entry = at(parse(block), "command");
  assert.ok(Array.isArray(entry));
  const allowed = Entrypoint.with(-1, "--allow-run=/bin/deno").concat("/app/main.js");
  assert.deepEqual(entry, allowed, "the README's command is the image's own, and the permission");
  const granted = await check(allowed);
  assert.equal(granted.code, 0, granted.said);
  assert.match(granted.said, /own/);
  const without = await check(Entrypoint);
  assert.notEqual(without.code, 0);
  assert.match(without.said, /--allow-run/);
}
