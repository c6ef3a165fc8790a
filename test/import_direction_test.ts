import assert from "node:assert/strict";
import project from "../deno.json" with { type: "json" };
import { circlesOf, importsOf, type ModuleGraph, readModuleGraph } from "./support/module_graph.ts";

const IPFIX = ["octets", "types", "registry", "message", "record"].map((room) => `src/ipfix/${room}`);
const MAPPING = ["mapping/profile", "mapping", "mapping/chain"].map((room) => `src/mediation/${room}`);
const MEDIATION = [
  ...MAPPING,
  ...["program", "templates", "references", "session"].map((room) => `src/mediation/${room}`),
];
const PROXY = ["time", "memory", "reporting", "transport", "collector", "session"].map((room) => `src/proxy/${room}`);
const PURE = [...IPFIX, ...MEDIATION];
const CERTIFICATES = "src/certificates";
const CONFIG = ["src/config/yaml", "src/config/profiles", "src/config"];
const ADMIN = ["src/admin/view", "src/admin/api", "src/admin/metrics", "src/admin/page", "src/admin/http", "src/admin"];

/** Modules that know nothing of the program: any room may import them. */
const COMMON = [
  "src/bounded_text.ts",
  "src/error_message.ts",
  "src/printable.ts",
  "src/text_file.ts",
  "src/version.ts",
];

/** Each with the floors below it in the list. */
function floors(below: readonly string[], rooms: readonly string[]): [string, readonly string[]][] {
  return rooms.map((room, floor) => [room, [...below, ...rooms.slice(0, floor)]]);
}

/**
 * Rooms, and the rooms that each may import besides itself and libraries. A module is in the room whose path is the
 * longest beginning of its own.
 */
const ROOMS: ReadonlyMap<string, readonly string[]> = new Map([
  ["src/certificates", []],
  ...floors([], PURE),
  // The first three know nothing of each other.
  ["src/proxy/time", []],
  ["src/proxy/memory", PURE],
  ["src/proxy/reporting", PURE],
  ...floors([...PURE, ...PROXY.slice(0, 3)], [...PROXY.slice(3), "src/proxy"]).map((
    [room, below],
  ): [string, readonly string[]] => [room, [...below, CERTIFICATES]]),
  // Text of a configuration, without what it is about.
  ["src/config/yaml", [...IPFIX, ...MAPPING]],
  ["src/config/profiles", [...IPFIX, ...MAPPING, "src/config/yaml"]],
  ["src/plugin_process", [...PURE, "src/config/yaml"]],
  ["src/config", [...PURE, CERTIFICATES, "src/config/yaml", "src/config/profiles", "src/plugin_process", "plugins"]],
  ["src/kubernetes", [
    ...PURE,
    CERTIFICATES,
    ...CONFIG,
    "src/proxy/time",
    "src/proxy/reporting",
    "src/proxy/transport",
  ]],
  ["src/admin/view", [...PURE, ...PROXY, "src/proxy"]],
  ["src/admin/api", [...PURE, "src/admin/view"]],
  ["src/admin/metrics", [...PURE, "src/admin/view"]],
  ["src/admin/page", [...PURE, "src/admin/view", "src/admin/api"]],
  // Its clients have places as exporters do.
  ["src/admin/http", [...PURE, "src/proxy/transport"]],
  ["src/admin", [...PURE, ...ADMIN.slice(0, -1)]],
  ["src/offline", [...PURE, ...CONFIG, "src/terminal"]],
  // What an upgrade of Antrea means, and how a cluster stands to it.
  ["src/upgrade", [...PURE, ...CONFIG, "src/kubernetes", "src/offline"]],
  ["src/plugin_testing.ts", [...PURE, ...CONFIG]],
  // Bounds of the log.
  ["src/logs", ["src/proxy/time"]],
  ["src/logging.ts", ["src/proxy/reporting", "src/proxy/time", "src/logs"]],
  ["src/version.ts", []],
  ["src/bounded_text.ts", []],
  ["src/error_message.ts", []],
  ["src/printable.ts", []],
  ["src/text_file.ts", ["src/error_message.ts"]],
  ["src/terminal", []],
  [
    "src/service",
    [
      ...PURE,
      CERTIFICATES,
      ...PROXY,
      "src/proxy",
      ...CONFIG,
      "src/plugin_process",
      "src/kubernetes",
      ...ADMIN,
      "src/logging.ts",
    ],
  ],
  // The demo runs the whole proxy.
  ["src/demo", [...PURE, ...PROXY, ...CONFIG, ...ADMIN, "src/offline", "src/service", "src/terminal"]],
  [
    "src/commands",
    [
      ...PURE,
      CERTIFICATES,
      ...PROXY,
      ...CONFIG,
      ...ADMIN,
      "src/plugin_process",
      "src/kubernetes",
      "src/offline",
      "src/upgrade",
      "src/demo",
      "src/service",
      "src/terminal",
      "src/logging.ts",
      "plugins",
    ],
  ],
  ["src/main.ts", ["src/commands"]],
  ["plugins", ["src/mediation/mapping"]],
]);

/** The room of a module; undefined where no room is declared for it. */
function roomOf(path: string): string | undefined {
  let found: string | undefined;
  for (const room of ROOMS.keys()) {
    if ((path === room || path.startsWith(`${room}/`)) && room.length > (found?.length ?? 0)) found = room;
  }
  return found;
}

/** Every import that leads where it must not, as `a.ts imports b.ts`. */
function wrongImports(graph: ModuleGraph): string[] {
  const wrong: string[] = [];
  for (const [path, imported] of graph) {
    const room = roomOf(path);
    if (room === undefined) wrong.push(`${path} is in no room`);
    else {
      for (const other of imported) {
        const otherRoom = roomOf(other);
        if (otherRoom === undefined ? other.startsWith("src/") : otherRoom !== room && !allowed(room, otherRoom)) {
          wrong.push(`${path} imports ${other}`);
        }
      }
    }
  }
  return wrong;
}

function allowed(room: string, other: string): boolean {
  return COMMON.includes(other) || (ROOMS.get(room)?.includes(other) ?? false);
}

const graph = await readModuleGraph("src", "plugins");

Deno.test("every module is in a room, and imports only rooms below its own", () => {
  assert.deepEqual(wrongImports(graph), []);
});

Deno.test("no modules import each other in a circle, types and dynamic imports included", () => {
  assert.deepEqual(circlesOf(graph), []);
});

Deno.test("plugins import nothing from src but what deno.json exports", () => {
  const exported = Object.values(project.exports).map((path) => path.replace(/^\.\//, ""));
  const imported = [...graph].flatMap(([path, others]) => path.startsWith("plugins/") ? others : [])
    .filter((path) => path.startsWith("src/"));
  assert.ok(imported.length > 0);
  assert.deepEqual(imported.filter((path) => !exported.includes(path)), []);
});

Deno.test("every room has modules, so that no rule is about nothing", () => {
  const rooms = new Set([...graph.keys()].map(roomOf));
  assert.deepEqual([...ROOMS.keys()].filter((room) => !rooms.has(room)), []);
});

Deno.test("no rule lets a room import one that may import it, directly or through others", () => {
  assert.deepEqual(circlesOf(ROOMS), []);
});

Deno.test("a wrong import, and a module in no room, are found", () => {
  const made: ModuleGraph = new Map([
    ["src/ipfix/octets/a.ts", ["src/proxy/proxy.ts"]],
    ["src/mediation/mapping/b.ts", ["src/ipfix/octets/a.ts", "src/mediation/session/c.ts"]],
    ["src/mediation/session/c.ts", ["src/mediation/mapping/b.ts"]],
    ["src/attic/d.ts", []],
  ]);
  assert.deepEqual(wrongImports(made), [
    "src/ipfix/octets/a.ts imports src/proxy/proxy.ts",
    "src/mediation/mapping/b.ts imports src/mediation/session/c.ts",
    "src/attic/d.ts is in no room",
  ]);
});

Deno.test("a circle of three, and a module that imports itself, are found; a diamond is none", () => {
  const circle: ModuleGraph = new Map([
    ["src/a.ts", ["src/b.ts", "src/d.ts"]],
    ["src/b.ts", ["src/c.ts"]],
    ["src/c.ts", ["src/a.ts"]],
    ["src/d.ts", ["src/d.ts"]],
  ]);
  assert.deepEqual(circlesOf(circle).sort(), [["src/a.ts", "src/b.ts", "src/c.ts"], ["src/d.ts"]]);
  const diamond: ModuleGraph = new Map([
    ["src/a.ts", ["src/b.ts", "src/c.ts"]],
    ["src/b.ts", ["src/d.ts"]],
    ["src/c.ts", ["src/d.ts"]],
    ["src/d.ts", []],
  ]);
  assert.deepEqual(circlesOf(diamond), []);
});

Deno.test("imports of every form are found: of types, for an effect, re-exported, dynamic, over several lines", () => {
  const text = `import { a } from "./a.ts";
import type { B } from "../b.ts";
import "./c.ts";
export * from "./d.ts";
export {
  e,
} from "./e.ts";
import library from "library";
const f = () => import("./f.ts");
type G = import("./g.ts").G;
import { p } from "@ipfix-skew-proxy/proxy/plugin";
/** import { h } from "./h.ts" */
`;
  assert.deepEqual(
    importsOf("src/x/y.ts", text),
    [
      "src/x/a.ts",
      "src/b.ts",
      "src/x/c.ts",
      "src/x/d.ts",
      "src/x/e.ts",
      "src/x/f.ts",
      "src/x/g.ts",
      project.exports["./plugin"].replace("./", ""),
    ],
  );
});
