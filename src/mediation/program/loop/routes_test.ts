import assert from "node:assert/strict";
import { MessageBuilder } from "../../../../test/support/messages/message_builder.ts";
import { compileMapping } from "../mapping_compiler.ts";
import { identity } from "../../mapping/template_mapping.ts";
import { template } from "../../../../test/support/mediation.ts";
import { withoutMemory } from "../../../../test/support/loop_memory.ts";
import { allocate, memoryOctets, release, usedOctets } from "./memory.ts";
import { rewriteMessages, Stop } from "./rewrite_loop.ts";
import { Routes } from "./routes.ts";
import { Sequence } from "./sequence.ts";
import { processorTime } from "../../../../test/support/time/processor_time.ts";

const source = template(256, ["protocolIdentifier"]);
const { octets } = compileMapping(identity(source), { exporterAddress: undefined, observationDomain: 0 }, true);
const program = allocate(octets.length);
memoryOctets.set(octets, program);
const input = allocate(1024);
const output = allocate(1024);
const counters = allocate(64);
const sequence = new Sequence().address;

function routesOf(maxMessages = Infinity): Routes {
  const routes = new Routes(65535);
  routes.maxMessages = maxMessages;
  return routes;
}

function set(routes: Routes, observationDomain: number, id: number, targetTemplate = id): void {
  routes.set({ observationDomain, template: id, program, counters, targetTemplate, sequence });
}

/** The set id under which a record of this template goes out; undefined where the loop knows no route. */
function routed(routes: Routes, observationDomainId: number, id: number): number | undefined {
  const message = new MessageBuilder({ observationDomainId }).dataSet({ ...source, id }, [[6]]).build();
  memoryOctets.set(message, input);
  const { stop, messages, relayed } = rewriteMessages(
    routes.address,
    input,
    input + message.length,
    output,
    output + 1024,
  );
  if (stop === Stop.general) return undefined;
  assert.equal(messages, 1);
  const sent = relayed ? input : output;
  return (memoryOctets[sent + 16] ?? 0) * 256 + (memoryOctets[sent + 17] ?? 0);
}

Deno.test("the loop finds each route by domain and template, however many there are", () => {
  const routes = routesOf();
  const domains = [0, 1, 0xffffffff, 0x01000000, 7];
  for (const domain of domains) {
    for (let id = 256; id < 356; id++) set(routes, domain, id, id + 1000 + domains.indexOf(domain));
  }
  for (const [index, domain] of domains.entries()) {
    for (let id = 256; id < 356; id++) assert.equal(routed(routes, domain, id), id + 1000 + index);
  }
  assert.equal(routed(routes, 2, 256), undefined);
  assert.equal(routed(routes, 1, 356), undefined);
  assert.equal(routed(routes, 0, 65535), undefined);
  routes.close();
});

Deno.test("a route that is set again replaces the one before, one that is deleted is gone, and all others stay", () => {
  const routes = routesOf();
  for (let id = 256; id < 300; id++) set(routes, 1, id);
  set(routes, 1, 270, 9999);
  routes.delete(1, 280);
  routes.delete(1, 280);
  routes.delete(2, 281);
  for (let id = 256; id < 300; id++) {
    assert.equal(routed(routes, 1, id), id === 270 ? 9999 : id === 280 ? undefined : id);
  }
  set(routes, 1, 280, 8888);
  assert.equal(routed(routes, 1, 280), 8888);
  routes.close();
});

Deno.test("routes come and go in any order, and deleting one costs no more where there are many", () => {
  const routes = routesOf();
  const known = new Map<number, number>();
  let random = 1;
  for (let step = 0; step < 4_000; step++) {
    random = Math.imul(random, 1_103_515_245) + 12_345 >>> 0;
    const [domain, id] = [random >>> 29, 256 + (random >>> 16) % 60];
    const key = domain * 65_536 + id;
    if (known.has(key)) routes.delete(domain, id);
    else set(routes, domain, id, 1_000 + step);
    if (!known.delete(key)) known.set(key, 1_000 + step);
    assert.equal(routed(routes, domain, id), known.get(key));
    if (step % 100 > 0) continue;
    for (let each = 0; each < 8 * 60; each++) {
      const [domain, id] = [each >>> 6 & 7, 256 + each % 60];
      assert.equal(routed(routes, domain, id), known.get(domain * 65_536 + id));
    }
  }
  for (let id = 256; id < 30_256; id++) set(routes, 9, id);
  const begin = processorTime();
  for (let id = 256; id < 30_256; id++) routes.delete(9, id);
  assert.ok(processorTime() - begin < 1_000, `${processorTime() - begin} ms`);
  routes.close();
});

Deno.test("a session without a template has no route, and one session's are not another's", () => {
  const [one, other] = [routesOf(), routesOf()];
  assert.equal(routed(one, 1, 256), undefined);
  set(one, 1, 256);
  assert.equal(routed(other, 1, 256), undefined);
  assert.equal(routed(one, 1, 256), 256);
  one.close();
  other.close();
});

Deno.test("the table of a closed session is reused", () => {
  const addresses = new Set<number>();
  for (let session = 0; session < 100; session++) {
    const routes = routesOf();
    for (let id = 256; id < 300; id++) set(routes, 1, id);
    addresses.add(routes.address);
    routes.close();
  }
  assert.equal(addresses.size, 1);
});

Deno.test("where memory is used up, no routes open, no table grows, nothing is kept, and the routes there are stay", () => {
  const routes = routesOf();
  const spare = allocate(64);
  withoutMemory(() => {
    release(spare, 64);
    const before = usedOctets();
    assert.throws(() => new Routes(65535), RangeError);
    assert.equal(usedOctets(), before);
    const found = [256, 257, 258].map((template) =>
      routes.set({ observationDomain: 1, template, program, counters, targetTemplate: template, sequence })
    );
    assert.deepEqual(found, [true, true, false]);
    assert.deepEqual([256, 257, 258].map((id) => routed(routes, 1, id)), [256, 257, undefined]);
  });
  set(routes, 1, 258);
  assert.deepEqual([256, 257, 258].map((id) => routed(routes, 1, id)), [256, 257, 258]);
  routes.close();
});
