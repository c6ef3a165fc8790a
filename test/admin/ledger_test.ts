import assert from "node:assert/strict";
import { lossesReport } from "../../src/admin/api/counters_report.ts";
import { explainMapping } from "../../src/mediation/mapping/explanation.ts";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import { flowValue } from "../../src/demo/flow_value.ts";
import type { InformationElement } from "../../src/ipfix/registry/information_element.ts";
import { MessageBuilder } from "../support/messages/message_builder.ts";
import type { Value } from "../../src/ipfix/types/value.ts";
import type { SessionRewriter } from "../../src/mediation/session/session_rewriter.ts";
import { HeapBufferPool } from "../../src/proxy/memory/buffer_pool.ts";
import { ObservingRewriter } from "../../src/proxy/session/rewriting/observing_rewriter.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { mediatorOf, openSession } from "../support/session.ts";
import { send } from "../support/proxy/sockets.ts";
import { TestCollector } from "../support/proxy/test_collector.ts";
import { TestProxy } from "../support/proxy/test_proxy.ts";
import { until } from "../support/time/until.ts";
import { Counters } from "../../src/mediation/templates/counters.ts";
import { join } from "../support/messages/wire.ts";

const AGENT = loadProfile("antrea/v2.7");
const COLLECTOR = loadProfile("antrea/v0.12");
const RECORDS = 400;

/** The default of the element's type, as an Agent fills in what it does not know. */
function defaultOf({ type }: InformationElement): Value {
  if (type === "string") return "";
  if (type === "ipv4Address") return "0.0.0.0";
  if (type === "ipv6Address") return "::";
  if (type === "dateTimeSeconds") return "1970-01-01T00:00:00Z";
  if (type === "unsigned64" || type === "signed64") return 0n;
  return 0;
}

/** Whether an element of a record carries a value; in a pattern in which no two elements are alike. */
function carries(record: number, { id }: InformationElement): boolean {
  return (record * 7 + id) % (2 + id % 5) === 0;
}

/** An Agent's stream, several records a message, and how many records carry a value of each element. */
function stream() {
  const carried = new Map<string, number>();
  const messages: Uint8Array[] = [];
  AGENT.templates.forEach(({ fields }, index) => {
    const template = { id: 256 + index, fields, scopeFieldCount: 0 };
    messages.push(new MessageBuilder().templateSet([template]).build());
    for (let first = 0; first < RECORDS; first += 8) {
      const records = Array.from({ length: 8 }, (_, offset) =>
        fields.map(({ element }) => {
          if (!carries(first + offset, element)) return defaultOf(element);
          carried.set(element.name, (carried.get(element.name) ?? 0) + 1);
          return flowValue(element, first + offset, "node-1");
        }));
      messages.push(new MessageBuilder({ sequenceNumber: index * RECORDS + first }).dataSet(template, records).build());
    }
  });
  return { octets: join(...messages), carried };
}

/** What the ledger has to say: of the fields that are lost, how many records carried a value. */
function expected(session: SessionRewriter, carried: ReadonlyMap<string, number>): Map<string, number> {
  const lost = new Set(
    session.templates().flatMap(({ mapping }) => mapping === undefined ? [] : explainMapping(mapping).lost),
  );
  assert.ok(lost.size > 5, [...lost].join());
  return new Map([...lost].flatMap((name) => carried.has(name) ? [[name, carried.get(name) ?? 0] as const] : []));
}

/** The last record that carries a value of the element. */
function lastCarrying(element: InformationElement): number | undefined {
  for (let record = RECORDS - 1; record >= 0; record--) if (carries(record, element)) return record;
  return undefined;
}

/** Octets of the value that it carries. */
function lastLength(element: InformationElement): number | undefined {
  const record = lastCarrying(element);
  if (record === undefined) return undefined;
  return element.type === "string"
    ? new TextEncoder().encode(String(flowValue(element, record, "node-1"))).length
    : element.length;
}

/** Each lost element's last length. */
function expectedLengths(session: SessionRewriter): (readonly [string, number])[] {
  const elements = new Map(
    AGENT.templates.flatMap(({ fields }) => fields.map(({ element }) => [element.name, element])),
  );
  return [...session.counters.informationLost.keys()].map((name) => {
    const element = elements.get(name) ?? assert.fail(name);
    return [name, lastLength(element) ?? assert.fail(name)] as const;
  });
}

/** What is shown of each lost element's last value. */
function expectedValues(session: SessionRewriter): Record<string, unknown> {
  const elements = new Map(
    AGENT.templates.flatMap(({ fields }) => fields.map(({ element }) => [element.name, element])),
  );
  return Object.fromEntries([...session.counters.informationLost.keys()].map((name) => {
    const element = elements.get(name) ?? assert.fail(name);
    const record = lastCarrying(element) ?? assert.fail(name);
    const value = flowValue(element, record, "node-1");
    const text = String(value);
    if (element.type === "string") return [name, text.length > 64 ? `${text.slice(0, 64)}…` : text];
    return [name, typeof value === "bigint" ? Number(value) : value];
  }));
}

const sorted = (counts: ReadonlyMap<string, number>) => [...counts].filter(([, count]) => count > 0).toSorted();

Deno.test("the ledger is exact to the record while rewriting", () => {
  const { octets, carried } = stream();
  const { session } = openSession(COLLECTOR);
  assert.equal(rewriteAll(session, octets).error, undefined);
  assert.deepEqual(sorted(session.counters.informationLost), sorted(expected(session, carried)));
  assert.deepEqual([...session.counters.lostLengths].toSorted(), expectedLengths(session).toSorted());
});

Deno.test("the ledger is exact to the record while observing, wherever the stream is cut, and nothing is touched", () => {
  const { octets, carried } = stream();
  for (const piece of [61, 1499, octets.length]) {
    const { session } = openSession(COLLECTOR);
    const observing = new ObservingRewriter(session, {
      pool: new HeapBufferPool(),
      wholeMessages: () => false,
      onBroken: (error) => assert.fail(error.message),
    });
    const output = new Uint8Array(65535);
    const relayed: Uint8Array[] = [];
    for (let start = 0; start < octets.length;) {
      relayed.push(observing.rewrite(octets.subarray(start, start + piece), output).slice());
      start += observing.consumed;
    }
    assert.deepEqual(join(...relayed), octets);
    assert.deepEqual(
      sorted(session.counters.informationLost),
      sorted(expected(session, carried)),
      `pieces of ${piece}`,
    );
    observing.close();
  }
});

Deno.test("asked for, the last lost values are those of the last records that carried one, rewriting and observing", () => {
  const { octets } = stream();
  const mediator = mediatorOf(COLLECTOR, { keepLostValues: true });
  const session = mediator.open({ reliable: true });
  assert.equal(rewriteAll(session, octets).error, undefined);
  const expected = expectedValues(session);
  assert.ok(Object.keys(expected).length > 5);
  assert.deepEqual({ ...lossesReport(session.counters).lastLostValues }, expected);

  for (const piece of [61, 1499]) {
    const observed = mediator.open({ reliable: true });
    const observing = new ObservingRewriter(observed, {
      pool: new HeapBufferPool(),
      wholeMessages: () => false,
      onBroken: (error) => assert.fail(error.message),
    });
    const output = new Uint8Array(65535);
    for (let start = 0; start < octets.length; start += observing.consumed) {
      observing.rewrite(octets.subarray(start, start + piece), output);
    }
    assert.deepEqual({ ...lossesReport(observed.counters).lastLostValues }, expected, `pieces of ${piece}`);
    observing.close();
  }
});

Deno.test("the values of a broken message are none that were lost", () => {
  const source = { id: 256, fields: AGENT.templates[0]?.fields ?? assert.fail(), scopeFieldCount: 0 };
  const mediator = mediatorOf(COLLECTOR, { keepLostValues: true });
  const record = (index: number) => source.fields.map(({ element }) => flowValue(element, index, `node-${index}`));
  const good = join(
    new MessageBuilder().templateSet([source]).build(),
    new MessageBuilder().dataSet(source, [record(1)]).build(),
  );
  const content = new MessageBuilder().dataSet(source, [record(2), record(3)]).build().subarray(20);
  // The last record is cut off late: most of its values have been seen by then, and all of the record before.
  const broken = new MessageBuilder().set(256, content.subarray(0, content.length - 2)).build();
  const [whole, halted] = [mediator.open({ reliable: true }), mediator.open({ reliable: true })];
  assert.equal(rewriteAll(whole, good).error, undefined);
  assert.notEqual(rewriteAll(halted, join(good, broken)).error, undefined);
  const { lastLostValues = {}, informationLost } = lossesReport(whole.counters);
  assert.ok(Object.keys(lastLostValues).length > 5);
  assert.deepEqual(lossesReport(halted.counters).lastLostValues, lastLostValues);
  assert.deepEqual(lossesReport(halted.counters).informationLost, informationLost);
});

Deno.test("values lost before a change of mode are kept with it, until a reload forgets all", async () => {
  const { octets } = stream();
  const collector = new TestCollector();
  const proxy = new TestProxy(collector.port, { mediator: mediatorOf(COLLECTOR, { keepLostValues: true }) });
  await proxy.proxy.start();
  const exporter = await proxy.connect();
  const values = (): number => {
    const [session] = proxy.proxy.sessions();
    return Object.keys(lossesReport(session?.rewrittenCounters ?? new Counters()).lastLostValues ?? {}).length;
  };
  await send(exporter, octets);
  await until("values are lost", () => values() > 5);
  await proxy.proxy.reconfigure({ mode: "observe" });
  await send(exporter, octets);
  await until(
    "it is observed",
    () => [...proxy.proxy.sessions()].some(({ observedCounters }) => observedCounters.messagesReceived > 0),
  );
  assert.ok(values() > 5);
  proxy.proxy.forgetLostValues();
  assert.equal(values(), 0);
  exporter.close();
  await proxy.proxy.close();
  collector.close();
});

Deno.test("values are kept from the reload that asks for them until the one that does not", () => {
  const { octets } = stream();
  const mediator = mediatorOf(COLLECTOR);
  const session = mediator.open({ reliable: true });
  const { chooseTreatment } = mediator.options;
  const values = () => Object.keys(lossesReport(session.counters).lastLostValues ?? {}).length;
  rewriteAll(session, octets);
  assert.equal(values(), 0, "nobody has asked");
  mediator.reconfigure({ chooseTreatment, keepLostValues: true });
  session.remap();
  assert.equal(values(), 0, "what went by is gone");
  rewriteAll(session, octets);
  assert.ok(values() > 5);
  mediator.reconfigure({ chooseTreatment, keepLostValues: false });
  assert.equal(values(), 0);
  session.remap();
  rewriteAll(session, octets);
  assert.equal(values(), 0);
});
