/** Every abstract data type, in every length that it may have, over every transport: each value arrives unchanged. */
import assert from "node:assert/strict";
import { connect as connectTls } from "node:tls";
import {
  ABSTRACT_DATA_TYPES,
  type AbstractDataType,
  isStructured,
} from "../../../src/ipfix/types/abstract_data_type.ts";
import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { parseRegistryHistory } from "../../../src/ipfix/registry/registry_csv.ts";
import { checkTlsMaterial } from "../../../src/certificates/tls_material.ts";
import { Authority } from "../../support/certificates.ts";
import { deliver } from "../../support/delivered.ts";
import { field, join, message, number, recordOctets, set, type WireField } from "../../support/messages/wire.ts";
import { conforms, GO as SHIPPED_GO, RFC, template } from "../conformance.ts";
import { send, until, withTransport } from "../sessions/transport.ts";

/** IANA has elements of most types; a registry of one's own has the rest. */
const OWN = `pen,id,name,type,length,reversible,go_ipfix_since,go_ipfix_until
64512,1,ownSigned8,signed8,1,no,v0.2.0,
64512,2,ownSigned16,signed16,2,no,v0.2.0,
64512,3,ownSigned64,signed64,8,no,v0.2.0,
64512,4,ownFloat32,float32,4,no,v0.2.0,
`;
const IANA = Deno.readTextFileSync(new URL("../../../config/registries/iana.csv", import.meta.url));
const registryHistory = parseRegistryHistory([IANA, OWN]);
const GO = { ...SHIPPED_GO, registry: registryHistory.at("v0.16.0"), templates: [] };
const options = { registryHistory };

/** An element of each type that the collector knows, where it knows one; else of the newest registry. */
const ELEMENTS = new Map<AbstractDataType, WireField>();
for (const registry of [GO.registry, registryHistory.newest]) {
  for (const { pen, id, type, length, enterpriseBit } of registry.elements()) {
    // What speaks of templates is another matter.
    const isOrdinary = pen !== 0 || ![145, 173].includes(id);
    if (isOrdinary && !ELEMENTS.has(type)) ELEMENTS.set(type, { pen, id, enterpriseBit, length });
  }
}
const PLAIN = ABSTRACT_DATA_TYPES.filter((type) => !isStructured(type));
const FIELDS = PLAIN.map((type) => {
  const found = ELEMENTS.get(type);
  if (found === undefined) throw new Error(`no registry has an element of type ${type}`);
  return found;
});

/** Extremes: zeros, ones, the lowest of a signed one, anything. */
function values(seed: number): Uint8Array[] {
  return FIELDS.map(({ length }, index) => {
    const octets = new Uint8Array(length === 65535 ? [0, 1, 254, 255, 300][(seed + index) % 5] ?? 0 : length);
    if (seed % 4 === 1) octets.fill(0xff);
    if (seed % 4 === 2) octets[0] = 0x80;
    if (seed % 4 === 3) octets.forEach((_, at) => octets[at] = (at * 37 + index * 11 + seed) & 0xff);
    return octets;
  });
}

const SEEDS = [0, 1, 2, 3, 7, 11];
const INPUT = [
  message({}, template(256, FIELDS)),
  ...SEEDS.map((seed, index) => message({ sequenceNumber: index }, set(256, recordOctets(FIELDS, values(seed))))),
];

Deno.test("every type has an element to test it with", () => {
  assert.equal(FIELDS.length, 20);
  assert.equal(new Set(PLAIN).size, 20);
});

Deno.test("every type: a collector without limits gets everything as it came", () =>
  conforms({ to: RFC, options, input: INPUT, output: INPUT, templates: { identity: 1 } }));

Deno.test("every type: all values that go-ipfix can decode are sent to it unchanged", () => {
  const kept = FIELDS.map((one, index) => ({ one, index, known: GO.registry.lookup(one.pen, one.id) }))
    .filter(({ known }) => known !== undefined && !GO.dialect.undecodableTypes.has(known.type));
  const fields = kept.map(({ one }) => one);
  assert.ok(fields.length >= 17, `${fields.length} types are kept`);
  const records = SEEDS.map((seed, sequenceNumber) => {
    const all = values(seed);
    const own = kept.map(({ index }) => all[index] ?? new Uint8Array());
    return message({ sequenceNumber }, set(256, recordOctets(fields, own)));
  });
  const lost: Record<string, number> = {};
  for (const [index, one] of FIELDS.entries()) {
    if (kept.some((each) => each.index === index)) continue;
    const name = registryHistory.newest.lookup(one.pen, one.id)?.name ?? "";
    for (const seed of SEEDS) if (values(seed)[index]?.some((octet) => octet !== 0)) lost[name] = (lost[name] ?? 0) + 1;
  }
  conforms({ to: GO, options, input: INPUT, output: [message({}, template(256, fields)), ...records], lost });
});

const authority = await Authority.create("cluster");
const aggregator = await authority.issue({ name: "aggregator", dns: ["flow-aggregator.svc"], usage: ["server"] });
const agent = await authority.issue({ name: "agent-1", usage: ["client"] });
const tls = {
  credentials: { material: checkTlsMaterial({ ...aggregator, ca: authority.pem }), onChange: () => () => {} },
};

/** Sends all over mutual TLS, as an Agent does, and ends. */
async function sendOverTls(port: number, octets: Uint8Array): Promise<void> {
  const { certificate: cert, key } = agent;
  const socket = connectTls({
    host: "127.0.0.1",
    port,
    servername: "flow-aggregator.svc",
    ca: authority.pem,
    cert,
    key,
  });
  socket.on("error", () => {});
  socket.resume();
  await new Promise<void>((resolve) => socket.end(octets, resolve));
}

for (const transport of ["tcp", "tls", "udp"] as const) {
  Deno.test(`every type: over ${transport} each value arrives as what it was`, () =>
    withTransport({
      listeners: [{ transport, address: { hostname: "127.0.0.1", port: 0 }, ...(transport === "tls" ? { tls } : {}) }],
    }, async ({ exporter, udpExporter, collector, proxy }) => {
      if (transport === "tcp") await send(await exporter(), join(...INPUT));
      else if (transport === "tls") await sendOverTls(proxy.port, join(...INPUT));
      else {
        const datagram = udpExporter();
        for (const octets of INPUT) await datagram(octets);
      }
      const length = join(...INPUT).length;
      await until("all arrived", () => collector.connections[0]?.length === length);
      const { items } = deliver(collector.connections[0]?.octets ?? new Uint8Array());
      assert.deepEqual(
        items.slice(1).map(({ values }) => values),
        SEEDS.map((seed) => values(seed).map((value) => value.toHex())),
      );
    }));
}

for (const [what, element, size, least] of [["signed16", "64512/2", 2, 1], ["signed64", "64512/3", 8, 1]] as const) {
  for (let length = least; length < size; length++) {
    Deno.test(`${what} in ${length} octets: the sign is kept where it widens`, () => {
      const values = [-1n, -(1n << BigInt(length * 8 - 1)), (1n << BigInt(length * 8 - 1)) - 1n, 0n, 1n];
      conforms({
        to: GO,
        options,
        input: [
          message({}, template(256, [field(element, length)])),
          message({}, set(256, join(...values.map((value) => number(value, length))))),
        ],
        output: [
          message({}, template(256, [field(element, size)])),
          message({}, set(256, join(...values.map((value) => number(value, size))))),
        ],
      });
    });
  }
}

for (
  const [element, length] of [["64512/4", 8], ["64512/4", 2]] as const
) {
  Deno.test(`${element} in ${length} octets, which its type may not have, is not passed as that type`, () =>
    conforms({
      to: GO,
      options,
      input: [
        message({}, template(256, [field(element, length), field("0/4", 1)])),
        message({}, set(256, join(new Uint8Array(length).fill(1), Uint8Array.of(6)))),
      ],
      output: [message({}, template(256, [field("0/4", 1)])), message({}, set(256, Uint8Array.of(6)))],
      lost: { [registryHistory.newest.lookup(64512, Number(element.split("/")[1]))?.name ?? ""]: 1 },
    }));
}

for (const [element, length, size] of [["64512/1", 2, 1], ["64512/2", 3, 2], ["64512/3", 9, 8]] as const) {
  Deno.test(`${element} in ${length} octets, more than its type has, is narrowed in every record in which it fits`, () => {
    const least = -(1n << BigInt(size * 8 - 1));
    const fitting = [least, -1n, 0n, -1n - least];
    const values = [...fitting, least - 1n, -least];
    conforms({
      to: GO,
      options,
      input: [
        message({}, template(256, [field(element, length)])),
        message({}, set(256, join(...values.map((value) => number(value, length))))),
      ],
      output: [
        message({}, template(256, [field(element, size)])),
        message({}, set(256, join(...[...fitting, 0n, 0n].map((value) => number(value, size))))),
      ],
      lost: { [registryHistory.newest.lookup(64512, Number(element.split("/")[1]))?.name ?? ""]: 2 },
    });
  });
}

const OWN_PROFILE = `name: own
dialect: rfc7011
registry: go-ipfix/v0.16.0
templates: [{ name: one, selectedBy: sourceIPv4Address, fields: [sourceIPv4Address, samplerId] }]
`;
const OWN_TEMPLATES = loadProfile("own.yaml", () => OWN_PROFILE);

Deno.test("an element whose type changed between registries is read by the collector's, in a length that its type may have", () => {
  const octets = Uint8Array.fromHex(
    "000a002b6553f1000000000000000001000200140100000200040001807400020000dcba0100000706fffe",
  );
  conforms({ to: OWN_TEMPLATES, input: [octets], output: [octets] });
  conforms({
    to: SHIPPED_GO,
    input: [octets],
    output: [
      message({}, template(256, [field("0/4", 1), field("56506/116", 4)])),
      message({}, set(256, join(number(6, 1), number(-2n, 4)))),
    ],
  });
});

Deno.test("samplerId in 4 octets goes out in the collector's one where it fits, listed or not", () => {
  const record = (address: number, sampler: number) => join(number(address, 4), number(sampler, 4));
  const narrow = (address: number, sampler: number) => join(number(address, 4), number(sampler, 1));
  for (const [to, lead] of [[OWN_TEMPLATES, "0/8"], [OWN_TEMPLATES, "0/12"], [SHIPPED_GO, "0/12"]] as const) {
    const fields = (length: number) => [field(lead, 4), field("0/48", length)];
    conforms({
      to,
      input: [
        message({}, template(256, fields(4))),
        message({}, set(256, join(record(1, 0), record(2, 255), record(3, 256)))),
      ],
      output: [
        message({}, template(256, fields(1))),
        message({}, set(256, join(narrow(1, 0), narrow(2, 255), narrow(3, 0)))),
      ],
      lost: { samplerId: 1 },
      templates: { rewritten: 1 },
    });
  }
});
