import assert from "node:assert/strict";
import { MessageBuilder } from "../../../../test/support/messages/message_builder.ts";
import { decodeMessageHeader } from "../../../ipfix/message/message_header.ts";
import { setsOfMessage } from "../../../ipfix/message/set.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import { encodeTemplateRecord } from "../../../ipfix/record/template_record.ts";
import { Announcements } from "../../templates/announcements.ts";
import { Replay } from "./replay.ts";
import { allocate, view } from "../../program/loop/memory.ts";
import { Sequence } from "../../program/loop/sequence.ts";

const DOMAIN = 7;
const ROOM = 4096;

/** A template of so many fields of one octet: as many octets a record. */
function templateOf(fieldCount: number, id = 256): Template {
  const element = { pen: 0, id: 4, name: "protocolIdentifier", type: "unsigned8", length: 1, known: true } as const;
  const field = { element: { ...element, enterpriseBit: false }, length: 1 };
  return { id, fields: Array(fieldCount).fill(field), scopeFieldCount: 0 };
}

const [A, B] = [templateOf(1), templateOf(2)];
const dataOf = (template: Template, records: number) =>
  new MessageBuilder({ observationDomainId: DOMAIN }).dataSet(
    template,
    Array(records).fill(template.fields.map(() => 6)),
  )
    .build();
const templateMessage = (template: Template) =>
  new MessageBuilder({ observationDomainId: DOMAIN }).templateSet([template]).build();

/** A session whose collector has template A. */
function replayOf({ messagesPerWrite = Infinity } = {}) {
  const announcements = new Announcements();
  const domains = new Map([[DOMAIN, {
    id: DOMAIN,
    sequence: new Sequence(),
    templates: new Map(),
    moved: undefined,
    exportTime: 99,
  }]]);
  const templates = { domains, restarted: false };
  const replay = new Replay(templates, announcements, { dialect: { messagesPerWrite } });
  const address = allocate(ROOM);
  /** The next output: what was written before has arrived. */
  const write = (room = ROOM, exportTime?: number) => {
    announcements.settle();
    const output = { start: address, end: address + room, at: address, messages: 0, records: 0 };
    const done = replay.write(output, exportTime);
    return { done, octets: view(address, output.at - address).slice(), records: output.records };
  };
  const announce = (template: Template, offset = 0) => {
    const octets = encodeTemplateRecord(template);
    announcements.announce({ observationDomain: DOMAIN, targetId: template.id, setId: 2, octets }, offset);
  };
  announce(A);
  announcements.settle();
  return { replay, announce, write };
}

/** Output as words: `A` for a template of one field, `d1×3` for three records of it, each with its sequence number. */
function words(octets: Uint8Array): string[] {
  const known = new Map<number, number>();
  const found: string[] = [];
  for (let start = 0; start < octets.length;) {
    const { length, sequenceNumber } = decodeMessageHeader(octets, start);
    for (const { id, contentOffset, end } of setsOfMessage(octets, start, start + length)) {
      if (id === 2) {
        const fields = octets[contentOffset + 3] ?? 0;
        known.set(256, fields);
        found.push(`${fields === 1 ? "A" : "B"}@${sequenceNumber}`);
      } else {
        const size = known.get(id) ?? NaN;
        found.push(`d${size}×${(end - contentOffset) / size}@${sequenceNumber}`);
      }
    }
    start += length;
  }
  return found;
}

/** A connection is lost, and another one found. */
function lose(replay: Replay, unsent: Uint8Array, produced: number): void {
  replay.keep(unsent, produced);
  replay.restart();
}

const join = (...messages: Uint8Array[]) => Uint8Array.from(messages.flatMap((message) => [...message]));

Deno.test("a new connection begins with the templates in force; what was unsent follows, numbered from 0", () => {
  const { replay, write } = replayOf();
  const unsent = join(dataOf(A, 2), dataOf(A, 3));
  lose(replay, unsent, unsent.length);
  const { done, octets, records } = write();
  assert.deepEqual(words(octets), ["A@0", "d1×2@0", "d1×3@2"]);
  assert.equal(decodeMessageHeader(octets, 0).exportTime, decodeMessageHeader(unsent, 0).exportTime);
  assert.deepEqual([done, records], [true, 5]);
  assert.equal(write().octets.length, 0, "once");
});

Deno.test("templates sent again have the export time of what follows them, else the last one seen", () => {
  const { replay, write } = replayOf();
  replay.announce();
  assert.equal(decodeMessageHeader(write(undefined, 7_000).octets, 0).exportTime, 7_000);
  replay.announce();
  assert.equal(decodeMessageHeader(write().octets, 0).exportTime, 99);
});

Deno.test("a template that changed in what was unsent is announced as it was before, and changes where it changed", () => {
  const { replay, announce, write } = replayOf();
  const parts = [dataOf(A, 4), templateMessage(B), dataOf(B, 2)];
  announce(B, parts[0]?.length);
  const unsent = join(...parts);
  lose(replay, unsent, unsent.length);
  assert.deepEqual(words(write().octets), ["A@0", "d1×4@0", "B@4", "d2×2@4"]);
});

Deno.test("a connection lost again in the middle of that: each part goes on as the template that it was made for", () => {
  const { replay, announce, write } = replayOf({ messagesPerWrite: 1 });
  const parts = [dataOf(A, 4), templateMessage(B), dataOf(B, 2)];
  announce(B, parts[0]?.length);
  const unsent = join(...parts);
  lose(replay, unsent, unsent.length);
  assert.deepEqual(words(write().octets), ["A@0"]);
  const first = write().octets;
  assert.equal(first.length, parts[0]?.length);

  lose(replay, first, first.length);
  const all = [];
  for (let next = write(); next.octets.length > 0; next = write()) all.push(next.octets);
  assert.deepEqual(words(join(...all)), ["A@0", "d1×4@0", "B@4", "d2×2@4"]);

  lose(replay, new Uint8Array(), 0);
  assert.deepEqual(words(write().octets), ["B@0"], "all of it has arrived");
});

Deno.test("connections that fail again and again accumulate nothing", () => {
  const { replay, write } = replayOf();
  const unsent = dataOf(A, 2);
  lose(replay, unsent, unsent.length);
  const { octets } = write();
  for (let attempt = 0; attempt < 3; attempt++) {
    lose(replay, octets, octets.length);
    assert.deepEqual(words(write().octets), ["A@0", "d1×2@0"]);
  }
  // Only the template arrived, then nothing.
  lose(replay, unsent, octets.length);
  lose(replay, new Uint8Array(), octets.length);
  assert.deepEqual(words(write().octets), ["A@0", "d1×2@0"]);
});

Deno.test("what does not fit the output waits for the next one", () => {
  const { replay, write } = replayOf();
  const unsent = join(dataOf(A, 50), dataOf(A, 60));
  lose(replay, unsent, unsent.length);
  const first = write(28 + 70);
  assert.deepEqual([first.done, first.octets.length, first.records], [false, 28 + 70, 50]);
  const second = write();
  assert.deepEqual([second.done, second.octets.length, second.records], [true, 80, 60]);
});

Deno.test("templates sent again in a session keep its sequence numbers, and do not pile up", () => {
  const { replay, write } = replayOf();
  for (let refresh = 0; refresh < 10; refresh++) replay.announce();
  const { octets } = write();
  assert.equal(octets.length, 28);
});
