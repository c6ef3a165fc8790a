import assert from "node:assert/strict";

/** Files beside the rooms that every room but ipfix may import. */
const COMMON = ["error_message.ts"];
/** The same for the rooms that are the running program. */
const PROGRAM = [...COMMON, "logging.ts", "version.ts"];

/** Rooms of src, and the rooms that each may import besides itself and libraries. Everything hangs off commands and main. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  ipfix: [],
  mediation: ["ipfix", ...COMMON],
  proxy: ["ipfix", "mediation", ...COMMON],
  config: ["ipfix", "mediation", ...COMMON],
  kubernetes: ["ipfix", "mediation", "proxy", ...COMMON],
  admin: ["ipfix", "mediation", "proxy", ...COMMON],
  terminal: [],
  offline: ["terminal", "ipfix", "mediation", "config", ...COMMON],
  service: ["ipfix", "mediation", "proxy", "config", "admin", "kubernetes", ...PROGRAM],
  demo: ["terminal", "ipfix", "mediation", "proxy", "config", "admin", "offline", "service", ...COMMON],
  commands: [
    "terminal",
    "ipfix",
    "mediation",
    "proxy",
    "config",
    "admin",
    "kubernetes",
    "offline",
    "service",
    "demo",
    ...PROGRAM,
  ],
};

async function* sources(directory: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isDirectory) yield* sources(new URL(`${entry.name}/`, directory));
    else if (/\.tsx?$/.test(entry.name) && !/_test\.tsx?$/.test(entry.name)) yield new URL(entry.name, directory);
  }
}

const root = new URL("../src/", import.meta.url);

/** Rooms outside its own that the text imports from. */
function importedRooms(file: URL, text: string): string[] {
  return [...text.matchAll(/^\s*(?:import|export)[^;]*?from "(\.[^"]+)"/gms)]
    .map((match) => new URL(match[1] ?? "", file).href)
    .filter((href) => href.startsWith(root.href))
    .map((href) => href.slice(root.href.length).split("/")[0] ?? "");
}

for (const [room, allowed] of Object.entries(ROOMS)) {
  Deno.test(`src/${room} imports ${allowed.length === 0 ? "no other room" : allowed.join(" and ")}`, async () => {
    let files = 0;
    for await (const file of sources(new URL(`${room}/`, root))) {
      if (/rewrite_loop\.as\.ts$/.test(file.href)) continue;
      files++;
      for (const imported of importedRooms(file, await Deno.readTextFile(file))) {
        assert.ok(imported === room || allowed.includes(imported), `${file.pathname} imports src/${imported}`);
      }
    }
    assert.ok(files > 0);
  });
}

Deno.test("the check finds a wrong import", () => {
  const file = new URL("ipfix/x.ts", root);
  assert.deepEqual(importedRooms(file, `import { a } from "../proxy/session.ts";`), ["proxy"]);
});
