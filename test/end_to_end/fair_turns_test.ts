import assert from "node:assert/strict";
import { connectExporter } from "./exporter.ts";
import { NEWER, withParts } from "./fleet.ts";
import { FlowMessages } from "./flows.ts";
import { describeWaits, measureWaits, startHostile, type Waits } from "./hostile.ts";
import { HOSTILITIES, type Hostility } from "./hostile_process.ts";
import { moment, say } from "./support.ts";

/** How long others are measured beside one hostile exporter. */
const MEASURED = 3_000;
/** Milliseconds that nearly all records, and answers of `/live`, may take. */
const RECORD = 100;
const LIVE = 250;
/** What even the slowest may take. */
const PATIENCE = 1_000;
/** How many times longer than without a hostile exporter all may take: the machine may run other tests as well. */
const LOAD = 5;
const DRAIN = 1_000;

const UNBOUNDED = { templatesPerSession: 40_000, templateChanges: 1_000_000 };
/** Where the hostile exporter would be slowed down by the defaults before it got there. */
const LIMITS: Partial<Record<Hostility, Readonly<Record<string, number>>>> = {
  "withdraws 30,000 templates": UNBOUNDED,
};

function assertWaits(what: string, { records, live }: Waits, before: Waits): void {
  const [record, answer] = [describeWaits(records), describeWaits(live)];
  const load = LOAD * Math.max(describeWaits(before.records).worst, describeWaits(before.live).worst);
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
        const before = await measureWaits(parts, MEASURED / 3, 2);
        await using _hostile = await startHostile({ port: proxy.port(index), hostility });
        await moment(500);
        const waits = await measureWaits(parts, MEASURED);
        const begin = performance.now();
        proxy.process.signal("SIGTERM");
        await proxy.left();
        const took = performance.now() - begin;
        say(`SIGTERM took ${took.toFixed(0)} ms`);
        assertWaits(hostility, waits, before);
        assert.ok(took <= DRAIN + 1_000, `SIGTERM took ${took} ms`);
      }));
  }
}

Deno.test("a session that changes more templates than it may waits its turn, and says so once", () =>
  withParts({ limits: { templateChanges: 100 } }, async ({ proxy, collector }) => {
    await using _hostile = await startHostile({ port: proxy.port(), hostility: "redefinitions" });
    await proxy.until("it is told to wait", () => proxy.happened("templates_throttled").length > 0);
    const replaced = async () => (await proxy.metrics()).of(`templates_total{outcome="replaced"}`);
    const [before, begin] = [await replaced(), performance.now()];
    await moment(2_000);
    const perSecond = (await replaced() - before) * 1_000 / (performance.now() - begin);
    // Counted once a message stands, of which one holds thousands of changes.
    assert.ok(perSecond < 100 * 1.5, `${perSecond} changes a second`);
    assert.equal(proxy.happened("templates_throttled").length, 1);
    const exporter = await connectExporter(proxy.port());
    const messages = new FlowMessages(NEWER, 1);
    await exporter.write(messages.templates);
    await exporter.write(messages.messages(0, 10));
    await collector.until("others are not told to wait", () => collector.flowsOf(1).at(-1) === 9);
    exporter.close();
  }));
