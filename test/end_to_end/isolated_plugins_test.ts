import assert from "node:assert/strict";
import { CollectorProcess } from "./peers/collector.ts";
import { PADDING } from "./chains.ts";
import { connectExporter, Exporter } from "./peers/exporter.ts";
import { PROFILE } from "./peers/fleet.ts";
import { OUTCOMES } from "./chains.ts";
import { ProxyProcess } from "./proxy.ts";

/**
 * Maps what it is given, but hangs, throws later, prints and fills its memory where the template is an Agent v2.0's.
 */
const HOSTILE = `export default {
  apiVersion: 1, name: "hostile", summary: "does its worst",
  options: { safeParse: (data) => ({ success: true, data }) },
  create: () => ({ name: "hostile", rewrite(mapping, context) {
    console.log("asked for " + mapping.source.fields.length + " fields");
    setTimeout(() => { throw new Error("later"); }, 1);
    Promise.reject(new Error("rejected"));
    if (mapping.source.fields.some(({ element }) => element.name === "egressNodeName")) for (;;);
    return mapping;
  } }),
};`;

Deno.test("a plugin that hangs delays only the templates that it was asked for: other exporters and a reload proceed", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/hostile.js`, HOSTILE);
  await using collector = await CollectorProcess.start({
    transport: "tcp",
    layouts: OUTCOMES.flatMap(({ layouts }) => layouts),
  });
  const configuration = {
    listen: [{ transport: "tcp" as const }],
    collector: { transport: "tcp" as const, port: collector.port, profile: PROFILE },
    plugins: [...PADDING ?? [], { use: `${folder}/hostile.js` }],
  };
  try {
    await using proxy = await ProxyProcess.start(configuration, "serve:plugins");
    const good = new Exporter(await connectExporter(proxy.port()), "v1.13.0", 1);
    await collector.until(
      "the good exporter is served",
      () => collector.flowsOf(1).length > 0,
    );
    const hung = new Exporter(await connectExporter(proxy.port()), "v2.0.0", 2);
    await proxy.until("the hanging plugin is named", () => proxy.happened("plugin_failed").length > 0);
    const [failed] = proxy.happened("plugin_failed");
    assert.equal(failed?.["plugin"], `${folder}/hostile.js`);
    assert.match(String(failed?.message), /did not answer within 1000 ms/);
    await proxy.until("its records are counted", () => proxy.happened("records_dropped").length > 0);
    assert.ok(proxy.happened("plugin_output").some(({ message }) => /asked for \d+ fields/.test(message)));
    const metrics = await proxy.metrics();
    assert.ok([...metrics].some(([name, count]) => name.startsWith("ipfix_proxy_plugin_errors_total{") && count > 0));
    const before = collector.records;
    await proxy.configure({ ...configuration, plugins: PADDING ?? [] });
    assert.equal((await proxy.post("/api/reload")).status, 200);
    await collector.until(
      "both are served",
      () => collector.flowsOf(2).length > 0 && collector.records > before,
    );
    assert.deepEqual(proxy.happened("session_failed"), []);
    for (const exporter of [good, hung]) await exporter.stop();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
