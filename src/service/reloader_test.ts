import assert from "node:assert/strict";
import type { Configuration } from "../config/configuration.ts";
import { load, RIGHT } from "../../test/support/configuration.ts";
import type { ProxyEvent } from "../proxy/reporting/proxy_event.ts";
import { type Loaded, loadWatched, Reloader } from "./reloader.ts";

const configuration = await load(RIGHT);

/** A reloader whose loads and applications end as they are told to. */
function fixture(loads: (Configuration | Error)[] = [], applications: (Error | Promise<void>)[] = []) {
  const events: ProxyEvent[] = [];
  const applied: Configuration[] = [];
  const watched: Loaded["files"][] = [];
  let refreshed = 0;
  const reloader = new Reloader("proxy.yaml", configuration, {
    load: () =>
      Promise.resolve({ configuration: loads.shift() ?? configuration, files: new Map([["proxy.yaml", "text"]]) }),
    apply: async (next) => {
      const end = applications.shift();
      if (end instanceof Error) throw end;
      await end;
      applied.push(next);
    },
    separate: () => new Set(["tls.crt", "tls.key"]),
    refresh: () => {
      refreshed++;
      return Promise.resolve();
    },
    report: (event) => events.push(event),
    date: () => new Date(events.length * 1000),
  });
  const watch = {
    watch(files: Loaded["files"]) {
      watched.push(files);
    },
  };
  return { reloader, watch, events, applied, watched, refreshed: () => refreshed };
}

Deno.test("a valid configuration is applied, counted, logged and watched", async () => {
  const { reloader, watch, events, applied, watched } = fixture();
  await reloader.follow(watch, new Map([["proxy.yaml", "first"]]));
  assert.deepEqual(await reloader.reload("signal"), { applied: true, mistakes: [] });
  assert.deepEqual([...reloader.outcomes], [["applied", 1]]);
  assert.deepEqual(events.map(({ event, fields }) => [event, fields["trigger"]]), [["config_reloaded", "signal"]]);
  assert.equal(applied.length, 1);
  assert.deepEqual(watched.map((files) => [...files.values()]), [["first"], ["text"]]);
});

Deno.test("a wrong configuration is applied nowhere, and all its mistakes are named with their places", async () => {
  const wrong = await loadWatched("proxy.yaml", () => "listen: [{ address: nowhere }]\nmode: upside-down\n");
  const { reloader, events, applied } = fixture([wrong.configuration]);
  const { applied: isApplied, mistakes } = await reloader.reload("request");
  assert.equal(isApplied, false);
  assert.equal(mistakes.length, 3);
  assert.match(mistakes[0] ?? "", /^proxy\.yaml:1:\d+: collector: missing/);
  assert.match(mistakes[2] ?? "", /^proxy\.yaml:2:7: mode: "upside-down" is not allowed/);
  assert.deepEqual([...reloader.outcomes], [["refused", 1]]);
  assert.deepEqual(events.map(({ event, level, fields }) => [event, level, fields["mistakes"]]), [
    ["config_refused", "error", mistakes],
  ]);
  assert.equal(applied.length, 0);
});

Deno.test("changes are logged key by key, and so is that nothing changed", async () => {
  const other = await load(RIGHT.replace("antrea/v1.15", "antrea/v2.0") + "limits: { sessions: 7 }\n");
  const { reloader, events } = fixture([configuration, other]);
  await reloader.reload("signal");
  await reloader.reload("signal");
  const changed = events.map(({ fields }) => fields["changed"]);
  assert.deepEqual(changed[0], []);
  assert.ok(Array.isArray(changed[1]));
  assert.ok(changed[1].includes('profile: "antrea/v1.15" → "antrea/v2.0"'), changed[1].join("\n"));
  assert.ok(changed[1].includes("limits.sessions: 5000 → 7"), changed[1].join("\n"));
  assert.ok(!changed[1].some((line: string) => line.startsWith("admin")), "what is as it was is not told");
  assert.match(events[1]?.message ?? "", /in force: .*limits\.sessions: 5000 → 7/);
});

Deno.test("a reload that ends in an unexpected error keeps no later one from it, nor do options that JSON lacks", async () => {
  const { reloader, events } = fixture();
  const { parts } = reloader;
  let fails = true;
  Object.assign(parts, { separate: () => fails ? assert.fail("not foreseen") : new Set() });
  await assert.rejects(reloader.reload("request"), /not foreseen/);
  fails = false;
  assert.equal((await reloader.reload("request")).applied, true);

  const plugins = "plugins: [{ use: pad-missing, with: { values: { octetDeltaCount: 18446744073709551615 } } }]\n";
  const other = fixture([await load(RIGHT + plugins)]);
  assert.equal((await other.reloader.reload("request")).applied, true);
  assert.match(JSON.stringify(other.events[0]?.fields["changed"]), /18446744073709551615/);
  assert.equal(events.length, 1);
});

Deno.test("a change in a list is logged by its place there, as mistakes name it", async () => {
  const peers = "peers: [{ match: { address: 192.0.2.1 }, plugins: [] }]\n";
  const { reloader, events } = fixture([
    await load(RIGHT + peers),
    await load(RIGHT.replace("antrea/v1.15", "antrea/v2.0") + peers),
  ]);
  await reloader.reload("signal");
  await reloader.reload("signal");
  assert.match(events[1]?.message ?? "", /; peers\[0\]\.profile: "antrea\/v1\.15" → "antrea\/v2\.0"/);
});

Deno.test("changed durations and sizes are logged as written; the same value in another unit is no change", async () => {
  const one = await load(`${RIGHT}limits: { hold: 600s, templateMemory: 64MiB }
admin: { skewSettle: 10s }
cache: { file: templates, interval: 30s, size: 16MiB }
`);
  const other = await load(`${RIGHT}limits: { hold: 10m, idle: 90s, templateMemory: 131072KiB }
admin: { skewSettle: 2m }
cache: { file: templates, interval: 60000ms, size: 32MiB }
`);
  const { reloader, events } = fixture([one, other]);
  await reloader.reload("signal");
  await reloader.reload("signal");
  assert.deepEqual(events[1]?.fields["changed"], [
    "limits.templateMemory: 64MiB → 131072KiB",
    "limits.idle: 0s → 90s",
    "cache.interval: 30s → 60000ms",
    "cache.size: 16MiB → 32MiB",
    "admin.skewSettle: 10s → 2m",
  ]);
});

Deno.test("a refused configuration stays known, since its first refusal, until a good one is loaded", async () => {
  const { reloader } = fixture([new Error("wrong"), new Error("still wrong"), configuration]);
  assert.equal(reloader.refused, undefined);
  await reloader.reload("change");
  assert.deepEqual(reloader.refused, { since: new Date(0), mistakes: ["proxy.yaml: wrong"] });
  await reloader.reload("change");
  assert.deepEqual(reloader.refused, { since: new Date(0), mistakes: ["proxy.yaml: still wrong"] });
  await reloader.reload("change");
  assert.equal(reloader.refused, undefined);
});

Deno.test("what cannot be applied is refused as well", async () => {
  const { reloader } = fixture([], [new Error("cannot listen on tcp 0.0.0.0:4739: in use\nand more")]);
  const { applied, mistakes } = await reloader.reload("change");
  assert.equal(applied, false);
  assert.deepEqual(mistakes, ["proxy.yaml: cannot listen on tcp 0.0.0.0:4739: in use", "proxy.yaml: and more"]);
});

Deno.test("one reload at a time; requests during one share the next", async () => {
  const first = Promise.withResolvers<void>();
  const { reloader, applied } = fixture([], [first.promise]);
  const running = reloader.reload("signal");
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  const waiting = Array.from({ length: 50 }, () => reloader.reload("signal"));
  first.resolve();
  await Promise.all([running, ...waiting]);
  assert.equal(applied.length, 2);
});

Deno.test("certificates alone are taken up in their own way, unless the last configuration was refused", async () => {
  const { reloader, applied, refreshed } = fixture([configuration, new Error("tls.key: cannot be read")]);
  await reloader.changed(["tls.crt", "tls.key"]);
  assert.deepEqual([refreshed(), applied.length], [1, 0]);
  await reloader.changed(["tls.crt", "proxy.yaml"]);
  assert.deepEqual([refreshed(), applied.length], [1, 1]);
  await reloader.reload("signal");
  await reloader.changed(["tls.key"]);
  assert.deepEqual([refreshed(), applied.length], [1, 2], "what was missing may be there now");
});

Deno.test("all files that were read are known with their contents, missing ones included", async () => {
  const texts: Record<string, string> = {
    "proxy.yaml": RIGHT.replace("antrea/v1.15", "./mine.yaml"),
    "mine.yaml": "name: mine\nextends: rfc7011\nregistry: none.csv\n",
  };
  const { configuration, files } = await loadWatched("proxy.yaml", (path) => {
    const text = texts[path];
    if (text === undefined) throw Object.assign(new Error("none"), { code: "ENOENT" });
    return text;
  });
  assert.ok(configuration instanceof Error);
  assert.deepEqual([...files], [...Object.entries(texts), ["none.csv", undefined]]);
});

Deno.test("possible mistakes of an applied configuration are warnings", async () => {
  const { reloader, events } = fixture([await load(RIGHT.replace("antrea/v1.15", "antrea/v2.8"))]);
  await reloader.reload("signal");
  assert.deepEqual(events.map(({ level, event }) => [level, event]), [
    ["info", "config_reloaded"],
    ["warning", "config_warning"],
  ]);
  assert.match(events[1]?.message ?? "", /^antrea\/v2\.8 is newer/);
});
