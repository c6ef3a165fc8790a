import assert from "node:assert/strict";
import fc from "fast-check";
import { formatHex, parseHex } from "../../../ipfix/octets/hex.ts";
import { field, message, set, templateSet } from "../../../../test/support/messages/wire.ts";
import { scanTemplates } from "./datagram_scan.ts";
import { WaitingSets } from "./waiting_sets.ts";

/** What a source does: scans each datagram, and splits it where something waits or could go on. */
function source({ limit = 65_536, shared = 65_536 } = {}) {
  const known = new Set<number>();
  const delivered: Uint8Array[] = [];
  const waiting = new WaitingSets(limit, { octets: 0, limit: shared });
  const deliver = (octets: Uint8Array) => void delivered.push(octets);
  return {
    waiting,
    delivered,
    receive(datagram: Uint8Array, now = 0) {
      const { templates, missing } = scanTemplates(datagram, known);
      if (missing !== undefined || (templates > 0 && waiting.length > 0)) {
        waiting.split(datagram, missing ?? [], now + 5_000, deliver);
      } else deliver(datagram);
    },
    expire: (now: number) => waiting.expire(now, deliver),
  };
}

const announce = (id: number) => templateSet({ id, scope: 0, fields: [field("0/4", 1)] });
const data = (id: number, value: number) => set(id, Uint8Array.of(value));

Deno.test("a template beside data that waits goes on at once: no later data is read by the old layout", () => {
  const { receive, delivered, expire } = source();
  const [first, second, third] = [
    "000a00206553f100000000000000000100020010010000020004000100050001",
    "000a00256553f10000000000000000010002001001000002000500010004000103e7000500",
    "000a00166553f1000000000000000001010000062e06",
  ].map(parseHex) as [Uint8Array, Uint8Array, Uint8Array];
  receive(first);
  receive(second);
  receive(third);
  expire(4_999);
  assert.deepEqual(delivered.map((octets) => formatHex(octets)), [
    formatHex(first),
    "000a00206553f100000000000000000100020010010000020005000100040001",
    formatHex(third),
  ]);
  expire(5_000);
  assert.equal(formatHex(delivered[3] ?? new Uint8Array()), "000a00156553f100000000000000000103e7000500");
});

Deno.test("what waits goes out right behind its template, in its order, and before newer data of the same template", () => {
  const { receive, delivered, waiting } = source();
  receive(message({}, data(300, 1), announce(256), data(256, 2), data(301, 3)));
  receive(message({ sequenceNumber: 5 }, data(300, 4)));
  receive(message({ sequenceNumber: 6 }, data(256, 5), announce(300), data(300, 6)));
  assert.deepEqual(delivered, [
    message({}, announce(256), data(256, 2)),
    message({ sequenceNumber: 6 }, data(256, 5), announce(300)),
    message({}, data(300, 1)),
    message({ sequenceNumber: 5 }, data(300, 4)),
    message({ sequenceNumber: 6 }, data(300, 6)),
  ]);
  assert.equal(waiting.length, 1, "301 still waits");
});

Deno.test("a broken message is left whole to the rewriter, which refuses it", () => {
  const { receive, delivered, waiting } = source();
  const broken = message({}, data(300, 1), Uint8Array.of(0, 0));
  receive(broken);
  assert.deepEqual(delivered, [broken]);
  assert.equal(waiting.length, 0);
});

Deno.test("without room, a set goes on for the rewriter to count; memory is given back", () => {
  const { receive, delivered, waiting, expire } = source({ limit: 45 });
  receive(message({}, data(300, 1), data(301, 2), data(302, 3)));
  assert.deepEqual(delivered, [message({}, data(302, 3))]);
  assert.equal(waiting.shared.octets, 42);
  expire(9_000);
  assert.equal(waiting.shared.octets, 0);
  assert.equal(waiting.clear(), 0);
});

Deno.test("property: every set comes out exactly once, each template's in order, none before its template unless it is late", () => {
  const part = fc.tuple(fc.integer({ min: 300, max: 303 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(fc.array(part, { maxLength: 5 }), { maxLength: 12 }), (datagrams) => {
      const { receive, delivered, waiting } = source();
      let value = 0;
      const sent = new Map<number, number[]>();
      for (const parts of datagrams) {
        const sets = parts.map(([id, isTemplate]) => {
          if (isTemplate) return announce(id);
          sent.set(id, [...(sent.get(id) ?? []), ++value & 0xff]);
          return data(id, value & 0xff);
        });
        receive(message({}, ...sets));
      }
      waiting.split(message({}, ...[300, 301, 302, 303].map(announce)), [], 0, (octets) => delivered.push(octets));
      const got = new Map<number, number[]>();
      const announced = new Set<number>();
      for (const octets of delivered) {
        const view = new DataView(octets.buffer, octets.byteOffset);
        for (let start = 16; start < octets.length; start += view.getUint16(start + 2)) {
          const id = view.getUint16(start);
          if (id === 2) announced.add(view.getUint16(start + 4));
          else {
            assert.ok(announced.has(id));
            got.set(id, [...(got.get(id) ?? []), view.getUint8(start + 4)]);
          }
        }
      }
      assert.deepEqual(got, sent);
    }),
  );
});

Deno.test("a set without length behind a template does not keep the proxy busy for ever", () => {
  const sets = new WaitingSets(1024, { octets: 0, limit: 1024 });
  const header = (length: number) => [0, 10, 0, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  sets.split(Uint8Array.of(...header(22), 1, 0, 0, 6, 7, 7), [16], 5_000, () => {});
  const delivered: number[] = [];
  const broken = Uint8Array.of(...header(36), 0, 2, 0, 12, 1, 1, 0, 1, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  sets.split(broken, [], 5_000, (message) => delivered.push(message.length));
  assert.deepEqual(delivered, [36]);
});

Deno.test("a datagram of thousands of template sets takes no longer where thousands of sets wait for other templates", () => {
  const templates = message({}, ...Array<Uint8Array>(5_000).fill(announce(256)));
  const millisecondsBeside = (others: number) => {
    const { receive, waiting } = source();
    if (others > 0) receive(message({}, ...Array.from({ length: others }, (_, index) => data(300 + index, 1))));
    assert.equal(waiting.length, others);
    const began = performance.now();
    receive(templates);
    return performance.now() - began;
  };
  const least = (others: number) => Math.min(...Array.from({ length: 5 }, () => millisecondsBeside(others)));
  const [few, many] = [least(1), least(3_000)];
  assert.ok(many < 10 * few + 20, `${many} ms beside 3,000, ${few} ms beside one`);
});
