import assert from "node:assert/strict";
import { freePort } from "../../test/support/free_port.ts";
import { PATIENCE, until } from "../../test/support/time/until.ts";
import { createAdmin } from "../admin/admin.ts";
import { statusReport } from "../admin/api/status_report.ts";
import { loadProfile } from "../config/profiles/profiles.ts";
import { AgentMessages } from "../demo/agent_messages.ts";
import { EmbeddedAgent } from "../demo/embedded_agent.ts";
import { EmbeddedAggregator } from "../demo/embedded_aggregator.ts";
import { wrongAbout } from "../demo/record_judgement.ts";
import type { ProxyEvent } from "../proxy/reporting/proxy_event.ts";
import { loadWatched } from "./reloader.ts";
import { Service } from "./service.ts";

const profile = loadProfile("antrea/v1.15");

/** A service by a file that a test can change, a fragile collector and an Agent of v2.0. */
async function withService(
  yaml: (port: number) => string,
  run: (
    parts: {
      service: Service;
      write: (yaml: string) => Promise<void>;
      aggregator: EmbeddedAggregator;
      agent: EmbeddedAgent;
      relay: (number: number) => Promise<string | undefined>;
      happened: (event: string) => ProxyEvent[];
      folder: string;
    },
  ) => Promise<void>,
): Promise<void> {
  const aggregator = new EmbeddedAggregator(profile);
  const folder = await Deno.makeTempDir();
  const file = `${folder}/proxy.yaml`;
  const write = (text: string) => Deno.writeTextFile(file, text);
  await write(yaml(aggregator.address.port));
  const { configuration, files } = await loadWatched(file);
  assert.ok(!(configuration instanceof Error), String(configuration));
  const events: ProxyEvent[] = [];
  const service = await Service.open(configuration, (event) => events.push(event));
  const { listeners } = await service.start();
  service.follow(files);
  const agent = new EmbeddedAgent(loadProfile("antrea/v2.0"), "node-1");
  const [listener] = listeners;
  assert.ok(listener !== undefined);
  await agent.connect(
    { hostname: "127.0.0.1", port: listener.address.port },
    async () => void await aggregator.nextEffect(PATIENCE),
  );
  const relay = async (number: number) => {
    const { flow } = await agent.send(number);
    for (;;) {
      const effect = await aggregator.nextEffect(PATIENCE);
      if (effect === undefined) return "never came";
      const record = effect.records[0];
      // What announces a template has no records.
      if (record !== undefined) return wrongAbout(flow, record, profile);
    }
  };
  try {
    const happened = (name: string) => events.filter(({ event }) => event === name);
    await run({ service, write, aggregator, agent, relay, happened, folder });
  } finally {
    await agent.close();
    await service.served.close();
    await service.close();
    await aggregator.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const yaml = (rest = "") => (port: number) => `
listen: [{ transport: tcp, address: "127.0.0.1:0" }]
collector: { transport: tcp, address: "127.0.0.1:${port}", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
${rest}`;

Deno.test("a changed chain applies to an open session, and a wrong one changes nothing", () =>
  withService(yaml(), async ({ service, write, aggregator, relay }) => {
    const { port } = aggregator.address;
    assert.equal(await relay(0), undefined);
    await write(yaml("plugins: [{ use: pad-missing, with: { values: { egressNam: x } } }]")(port));
    const refused = await service.reloader.reload("signal");
    assert.match(refused.mistakes[0] ?? "", /proxy\.yaml:5:\d+: plugins\[0\]\.with\.values\.egressNam: /);
    assert.equal(await relay(1), undefined);
    const sessions = () => service.served.view.sessions();
    const before = sessions()[0]?.templates()[0]?.mapping;
    await write(
      yaml("plugins: [{ use: map-fields }, { use: strip-unknown }, { use: pad-missing }, { use: match-order }]")(port),
    );
    assert.equal((await service.reloader.reload("signal")).applied, true);
    const after = sessions()[0]?.templates()[0]?.mapping;
    assert.ok(after !== undefined && after !== before, "mapped again");
    assert.equal(await relay(2), undefined);
    assert.equal(sessions().length, 1);
    assert.equal(aggregator.connections, 2, "the session's, and the watch connection");
    assert.deepEqual([...service.reloader.outcomes], [["refused", 1], ["applied", 1]]);
  }));

Deno.test("the page shows limits as the file has them, as check does", () =>
  withService(yaml("limits: { partialMessage: 1500ms, memory: 614400KiB }"), async ({ service }) => {
    const { limits } = service.served.view.configuration ?? {};
    assert.deepEqual(
      [limits?.["partialMessage"], limits?.["memory"], limits?.["hold"], limits?.["sessions"]],
      ["1500ms", "614400KiB", "10m", "5000"],
    );
    const page = await createAdmin(service.served.view, { boundHost: "127.0.0.1" }).request("http://127.0.0.1/");
    assert.match(await page.text(), /partialMessage<\/dt><dd>1500ms</);
  }));

Deno.test("lost values are shown from the reload that asks for them, also of a session that has ended, to the one that does not", () =>
  withService(yaml(), async ({ service, write, aggregator, agent, relay }) => {
    const { port } = aggregator.address;
    const { view, proxy } = service.served;
    const shown = () =>
      [proxy.totals(), ...view.sessions().map(({ counters }) => counters)].map((c) => c.lostValues.size);
    const reload = async (rest: string) => {
      await write(yaml(rest)(port));
      assert.equal((await service.reloader.reload("signal")).applied, true);
    };
    assert.equal(await relay(0), undefined);
    assert.ok(proxy.totals().informationLost.size > 0);
    assert.deepEqual(shown(), [0, 0]);
    await reload("ledger: { values: true }");
    assert.deepEqual(shown(), [0, 0], "what went by before is gone");
    assert.equal(await relay(1), undefined);
    const [kept = 0, ...sessions] = shown();
    assert.ok(kept > 0);
    assert.deepEqual(sessions, [kept]);
    await agent.close();
    await until("the session is over", () => view.sessions().length === 0);
    assert.deepEqual(shown(), [kept]);
    await reload("");
    assert.deepEqual(shown(), [0]);
  }));

Deno.test("status, session and events say that a session is only observed, even once it has ended", () =>
  withService(yaml("mode: observe"), async ({ service, agent, happened }) => {
    const { view, proxy } = service.served;
    await agent.send(0);
    await until("it has been received", () => proxy.totals().recordsReceived > 0);
    const { losses } = statusReport(view, new Date());
    assert.deepEqual({ ...losses.wouldLose.informationLost }, { egressNodeName: 1 });
    assert.deepEqual(losses.informationLost, losses.wouldLose.informationLost);
    assert.deepEqual(view.sessions().map(({ observed }) => observed), [true]);
    assert.equal(happened("template_mapped")[0]?.fields["observed"], true);
    await agent.close();
    await until("the session is over", () => happened("session_closed").length > 0);
    assert.equal(happened("session_closed")[0]?.fields["observed"], true);
    assert.deepEqual(view.endedSessions().map(({ observed }) => observed), [true]);
    assert.deepEqual({ ...statusReport(view, new Date()).losses.wouldLose.informationLost }, { egressNodeName: 1 });
  }));

Deno.test("a changed plugin file is loaded again by the file watch alone", async () => {
  const plugin = (name: string) => `
export default {
  name: "${name}",
  summary: "does nothing but be named",
  options: { safeParse: (value) => ({ success: true, data: value }) },
  create: () => ({ name: "${name}", rewrite: (mapping) => ({ ...mapping, fields: mapping.fields.map((f) => ({ ...f, by: "${name}" })) }) }),
};`;
  await withService(yaml(), async ({ service, write, aggregator, relay, happened, folder }) => {
    await Deno.writeTextFile(`${folder}/mine.ts`, plugin("one"));
    const shipped = "{ use: map-fields }, { use: strip-unknown }, { use: pad-missing }, { use: match-order }";
    await write(yaml(`plugins: [${shipped}, { use: ./mine.ts }]`)(aggregator.address.port));
    const by = () => service.served.view.sessions()[0]?.templates()[0]?.mapping?.fields[0]?.by;
    await until("the change is seen", () => by() === "one");
    await Deno.writeTextFile(`${folder}/mine.ts`, plugin("two"));
    await until("the changed plugin is seen", () => by() === "two");
    assert.ok(happened("config_reloaded").every(({ fields }) => fields["trigger"] === "change"));
    assert.equal(await relay(0), undefined);
  });
});

Deno.test("admin moves with its answer given, limits, mode and collector go over, or all of it stays", () =>
  withService(yaml(), async ({ service, write, aggregator, relay }) => {
    const other = new EmbeddedAggregator(profile);
    const port = freePort();
    const taken = Deno.listen({ hostname: "127.0.0.1", port });
    const moved = (address: string, collector: number) => `
listen: [{ transport: tcp, address: "127.0.0.1:0" }]
collector: { transport: tcp, address: "127.0.0.1:${collector}", profile: antrea/v1.15 }
mode: observe
limits: { sessions: 7 }
admin: { address: "${address}" }
`;
    assert.equal(await relay(0), undefined);
    await write(moved(`127.0.0.1:${port}`, other.address.port));
    const refused = await service.reloader.reload("signal");
    assert.match(refused.mistakes.join(), /in use/i);
    assert.equal(service.served.proxy.limits.sessions, 5000);
    assert.equal(service.served.view.mode, "rewrite");
    assert.equal(await relay(1), undefined);
    taken.close();
    assert.equal((await service.reloader.reload("signal")).applied, true);
    assert.equal(service.served.proxy.limits.sessions, 7);
    const status = await (await fetch(`http://127.0.0.1:${port}/api/status`)).json();
    assert.deepEqual([status.mode, status.collector.address], ["observe", `127.0.0.1:${other.address.port}`]);
    await write(yaml()(aggregator.address.port));
    assert.equal((await service.reloader.reload("signal")).applied, true);
    assert.equal(await relay(2), undefined);
    assert.equal(other.connections, 0, "the session saw neither: it sent nothing meanwhile");
    await other.close();
  }));

Deno.test("data of an exporter over UDP goes on over a restart, mapped, by the templates on disk", async () => {
  const aggregator = new EmbeddedAggregator(profile);
  const folder = await Deno.makeTempDir();
  const file = `${folder}/proxy.yaml`;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const messages = new AgentMessages(loadProfile("antrea/v2.0"), "node-1");
  const port = freePort();
  const events: string[] = [];
  for (const life of [0, 1]) {
    await Deno.writeTextFile(
      file,
      `
listen: [{ transport: udp, address: "127.0.0.1:${port}" }]
collector: { transport: tcp, address: "127.0.0.1:${aggregator.address.port}", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
cache: kept/templates
`,
    );
    const { configuration } = await loadWatched(file);
    assert.ok(!(configuration instanceof Error), String(configuration));
    const service = await Service.open(configuration, ({ event }) => events.push(event));
    await service.start();
    const to = { transport: "udp" as const, hostname: "127.0.0.1", port };
    if (life === 0) { for (const template of messages.templates()) await socket.send(template, to); }
    const flow = messages.flow(life);
    await socket.send(flow.message, to);
    let record;
    while (record === undefined) {
      const effect = await aggregator.nextEffect(PATIENCE);
      assert.ok(effect !== undefined, "the flow never came");
      record = effect.records[0];
    }
    assert.equal(wrongAbout(flow, record, profile), undefined);
    await service.served.drained();
    await service.close();
  }
  assert.equal(events.filter((event) => event === "cache_read").length, 1);
  socket.close();
  await aggregator.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a drain requested over the API is logged once, like one by a signal", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/proxy.yaml`;
  await Deno.writeTextFile(
    file,
    `
listen: [{ transport: tcp, address: "127.0.0.1:0" }]
collector: { transport: tcp, address: "127.0.0.1:1", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
`,
  );
  const { configuration } = await loadWatched(file);
  assert.ok(!(configuration instanceof Error), String(configuration));
  const said: string[] = [];
  const service = await Service.open(configuration, ({ event, message }) => {
    if (event === "draining") said.push(message);
  });
  const { admin } = await service.start();
  const drain = () =>
    fetch(`http://127.0.0.1:${admin.port}/api/drain`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    }).then((response) => response.body?.cancel());
  await drain();
  await drain();
  await service.served.drained("SIGTERM received");
  assert.deepEqual(said, ["POST /api/drain received: no new sessions; open ones may end"]);
  await service.close();
  await Deno.remove(folder, { recursive: true });
});
