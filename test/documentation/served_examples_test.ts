import assert from "node:assert/strict";
import { parse, stringify } from "@std/yaml";
import { z } from "zod";
import { Authority } from "../support/certificates.ts";

const ROOT = new URL("../../", import.meta.url);

/** A whole configuration, as far as it has to be changed to be started on any machine. */
const WHOLE = z.looseObject({
  listen: z.array(z.looseObject({ address: z.string(), tls: z.looseObject({}).optional() })),
  collector: z.looseObject({}),
  admin: z.looseObject({}).optional(),
  cache: z.unknown().optional(),
});

async function markdownFiles(): Promise<string[]> {
  const files = ["README.md", "config/README.md", "config/UPGRADES.md"];
  for await (const { name, isDirectory } of Deno.readDir(new URL("config/", ROOT))) {
    if (isDirectory) files.push(`config/${name}/README.md`);
  }
  return files;
}

/** The whole configurations that documents show, and the files that are ones, by where they stand. */
async function examples(): Promise<Map<string, z.infer<typeof WHOLE>>> {
  const found = new Map<string, z.infer<typeof WHOLE>>();
  const take = (where: string, text: string) => {
    const whole = WHOLE.safeParse(parse(text));
    if (whole.success) found.set(where, whole.data);
  };
  for (const file of await markdownFiles()) {
    const text = await Deno.readTextFile(new URL(file, ROOT)).catch(() => "");
    for (const [index, [, yaml = ""]] of [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)].entries()) {
      take(`${file}, example ${index + 1}`, yaml);
    }
  }
  const shipped = await Deno.readTextFile(new URL("config/proxy.yaml", ROOT));
  take("config/proxy.yaml", shipped);
  // What is commented out are keys that may be uncommented.
  take("config/proxy.yaml, peers", `${shipped}\n${uncommented(shipped, "peers")}`);
  return found;
}

/** A key that a file shows in comments. */
function uncommented(text: string, key: string): string {
  const lines = text.split("\n");
  const start = lines.indexOf(`# ${key}:`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("#  "));
  assert.ok(start >= 0, key);
  return lines.slice(start, end).map((line) => line.slice(2)).join("\n");
}

/** Starts it as the command does, until it says that it has started. Returns what it said if it ends before. */
async function serve(file: string): Promise<string | undefined> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "--no-prompt", "src/main.ts", "serve", "--config", file],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let said = "";
  let started = false;
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += chunk;
    if (started || !said.includes('"event":"started"')) continue;
    started = true;
    child.kill("SIGTERM");
  }
  const { code } = await child.status;
  return started && code === 0 ? undefined : `exit ${code}: ${said}`;
}

Deno.test("every whole configuration that the documents show, and config/proxy.yaml, is started by serve", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const authority = await Authority.create("cluster");
    const { certificate, key } = await authority.issue({ name: "aggregator", dns: ["localhost"] });
    await Deno.mkdir(`${folder}/pki`);
    for (const [name, text] of [["tls.crt", certificate], ["tls.key", key], ["ca.crt", authority.pem]] as const) {
      await Deno.writeTextFile(`${folder}/pki/${name}`, text);
    }
    const all = await examples();
    for (const name of ["config/README.md, example 1", "config/proxy.yaml", "config/proxy.yaml, peers"]) {
      assert.ok(all.has(name), `${name} of ${[...all.keys()].join("; ")}`);
    }
    for (const [where, { listen, cache, ...rest }] of all) {
      const file = `${folder}/proxy.yaml`;
      // Any free port, and a folder that is there.
      const changed = {
        ...rest,
        listen: listen.map((listener) => ({ ...listener, address: "127.0.0.1:0" })),
        admin: { ...rest.admin, address: "127.0.0.1:0" },
        ...(cache === undefined ? {} : { cache: `${folder}/templates` }),
      };
      // A cluster is something that a test has elsewhere.
      if (JSON.stringify(changed).includes('"mode":"auto"')) continue;
      await Deno.writeTextFile(file, stringify(changed));
      assert.equal(await serve(file), undefined, where);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
