import assert from "node:assert/strict";
import { connectExporter, type ExporterSocket } from "../peers/exporter.ts";
import { COLLECTOR, NEWER, type Parts, PROFILE, withParts } from "../peers/fleet.ts";
import { CollectorProcess } from "../peers/collector.ts";
import { flowLayouts, FlowMessages } from "../peers/flows.ts";
import { describeWaits, measureWaits, startControl, startHostile, type Waits } from "../peers/hostile.ts";
import { HOSTILITIES, type Hostility } from "../peers/hostile_process.ts";
import { type ProxyConfiguration, ProxyProcess } from "../proxy.ts";
import { moment, say } from "../support.ts";
import { until } from "../../support/time/until.ts";

/** How long others are measured beside one hostile exporter. */
const MEASURED = 3_000;
/** Milliseconds that nearly all records, and answers of `/live`, may take. */
const RECORD = 100;
const LIVE = 250;
/** What even the slowest may take. */
const PATIENCE = 1_000;
/** How many times longer than beside the control all may take: the machine may run other tests as well. */
const LOAD = 5;
const DRAIN = 1_000;
/** How long 200 sessions with 250 templates each may take to end, while the process collects near `limits.memory`. */
const MANY_ENDS = 3_000;
/** Observation domains of the exporters that are measured. */
const MEASURED_DOMAIN = 100_001;
const CONTROL_DOMAIN = 100_002;

const UNBOUNDED = { templatesPerSession: 40_000, templateChanges: 1_000_000 };
/** The default chain less map-fields: as a change, it has every template mapped again, to the same layout. */
const CHAIN = [{ use: "strip-unknown" }, { use: "pad-missing" }, { use: "match-order" }];
/** Where the hostile exporter would be slowed down by the defaults before it got there. */
const LIMITS: Partial<Record<Hostility, Readonly<Record<string, number>>>> = {
  "withdraws 30,000 templates": UNBOUNDED,
};

/** Measures a proxy, and one that has nothing to do with what happens to it. */
async function measureBoth({ proxy, collector }: Parts, control: ProxyProcess): Promise<[Waits, Waits]> {
  return await Promise.all([
    measureWaits({ proxy, collector }, MEASURED, MEASURED_DOMAIN),
    measureWaits({ proxy: control, collector }, MEASURED, CONTROL_DOMAIN),
  ]);
}

/** What the machine's other work accounts for, in milliseconds. */
function loadOf({ records, live }: Waits): number {
  return LOAD * Math.max(describeWaits(records).worst, describeWaits(live).worst);
}

function assertWaits(what: string, { records, live }: Waits, load: number): void {
  const [record, answer] = [describeWaits(records), describeWaits(live)];
  const text = (waits: typeof record) => `${waits.most.toFixed(0)} ms, at worst ${waits.worst.toFixed(0)} ms`;
  say(`beside ${what}: ${records.length} records took ${text(record)}; /live took ${text(answer)}`);
  const isPatient = (waits: typeof record, most: number) => waits.most <= most + load && waits.worst <= PATIENCE + load;
  assert.ok(isPatient(record, RECORD), `records waited ${text(record)}; ${load} ms more were allowed`);
  assert.ok(isPatient(answer, LIVE), `/live took ${text(answer)}; ${load} ms more were allowed`);
}

for (const limited of [true, false]) {
  for (const hostility of HOSTILITIES) {
    const own = LIMITS[hostility];
    if (own !== undefined && limited) continue;
    const limits = { ...(limited ? {} : UNBOUNDED), drain: `${DRAIN}ms` };
    const bounds = limited ? "" : " without a limit on template changes";
    Deno.test(`one hostile exporter${bounds}, ${hostility}: others, /live and SIGTERM do not wait for it`, () =>
      withParts({ listen: [{ transport: "tcp" }, { transport: "udp" }], limits }, async (parts) => {
        const { proxy } = parts;
        const index = hostility === "redefinitions over udp" ? 1 : 0;
        await using control = await startControl(parts.collector);
        await using _hostile = await startHostile({ port: proxy.port(index), hostility });
        await moment(500);
        const [waits, beside] = await measureBoth(parts, control);
        const begin = performance.now();
        proxy.process.signal("SIGTERM");
        await proxy.left();
        const took = performance.now() - begin;
        say(`SIGTERM took ${took.toFixed(0)} ms`);
        const load = loadOf(beside);
        assertWaits(hostility, waits, load);
        assert.ok(took <= DRAIN + 1_000 + load, `SIGTERM took ${took} ms; ${load} ms more were allowed`);
      }));
  }
}

for (const hostility of ["new layouts", "huge templates"] as const) {
  Deno.test(`200 hostile sessions, ${hostility}: others do not wait for them, nor for what they leave, nor does SIGTERM`, () =>
    withParts({ limits: { drain: `${DRAIN}ms` } }, async (parts) => {
      const { proxy, collector } = parts;
      await using control = await startControl(collector);
      await using hostile = await startHostile({ port: proxy.port(), hostility, sessions: 200 });
      await moment(3_000);
      const [during, besideDuring] = await measureBoth(parts, control);
      await hostile.kill();
      const [after, besideAfter] = await measureBoth(parts, control);
      const begin = performance.now();
      proxy.process.signal("SIGTERM");
      await proxy.left();
      const took = performance.now() - begin;
      say(`SIGTERM took ${took.toFixed(0)} ms`);
      assertWaits(`200 sessions, ${hostility}`, during, loadOf(besideDuring));
      const load = loadOf(besideAfter);
      assertWaits("what they left", after, load);
      assert.ok(took <= DRAIN + MANY_ENDS + load, `SIGTERM took ${took} ms; ${load} ms more were allowed`);
    }));
}

Deno.test("a session that exceeds its limit of template changes waits, which is reported once", () =>
  withParts({ limits: { templateChanges: 100 } }, async ({ proxy, collector }) => {
    const begin = performance.now();
    await using _hostile = await startHostile({ port: proxy.port(), hostility: "redefinitions" });
    await proxy.until("it is told to wait", () => proxy.happened("templates_throttled").length > 0);
    await moment(2_000);
    const replaced = (await proxy.metrics()).of(`templates_total{outcome="replaced"}`);
    // A second's worth may be used at once. Counted once a message stands, of which one holds thousands of changes.
    const most = 100 * (2 + (performance.now() - begin) / 1_000);
    assert.ok(replaced <= most, `${replaced} changes, at most ${most} in that time`);
    assert.equal(proxy.happened("templates_throttled").length, 1);
    const exporter = await connectExporter(proxy.port());
    const messages = new FlowMessages(NEWER, 1);
    await exporter.write(messages.templates);
    await exporter.write(messages.messages(0, 10));
    await collector.until("others are not told to wait", () => collector.flowsOf(1).at(-1) === 9);
    exporter.close();
  }));

Deno.test("a reload with 5000 sessions, each of which maps its templates again, keeps no exporter and no probe waiting", async () => {
  const sessions = 5_000;
  const limits = { sessions: sessions + 10 };
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts: flowLayouts(COLLECTOR) });
  const configuration: ProxyConfiguration = {
    listen: [{ transport: "tcp" }],
    collector: { transport: "tcp", port: collector.port, profile: PROFILE },
    limits,
  };
  await using proxy = await ProxyProcess.start(configuration);
  await using control = await startControl(collector);
  const agents: ExporterSocket[] = [];
  for (let domain = 1; domain <= sessions; domain++) {
    const agent = await connectExporter(proxy.port());
    await agent.write(new FlowMessages(NEWER, domain).templates);
    agents.push(agent);
  }
  const mapped = async () => (await proxy.metrics()).of(`templates_total{outcome="rewritten"}`);
  await until("all templates are mapped", async () => await mapped() === 2 * sessions);
  const applied = async () => (await proxy.metrics()).of(`config_reloads_total{outcome="applied"}`);
  const before = await applied();
  const measuring = measureBoth({ proxy, collector }, control);
  await moment(200);
  await proxy.configure({ ...configuration, plugins: CHAIN });
  const [waits, beside] = await measuring;
  await until("the reload is applied", async () => await applied() > before);
  assertWaits(`a reload with ${sessions} sessions`, waits, loadOf(beside));
  for (const agent of agents) agent.close();
});
