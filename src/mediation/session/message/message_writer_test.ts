import assert from "node:assert/strict";
import { decodeMessageHeader } from "../../../ipfix/message/message_header.ts";
import { setsOfMessage } from "../../../ipfix/message/set.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import { encodeTemplateRecord, encodeWithdrawal } from "../../../ipfix/record/template_record.ts";
import { Announcements } from "../../templates/announcements.ts";
import type { Dialect } from "../../mapping/profile/dialect.ts";
import type { MessagePlan, PlanItem } from "./message_plan.ts";
import { MessageWriter } from "./message_writer.ts";
import { RecordMapper } from "../../references/record_mapper.ts";
import { allocate, memoryOctets, view } from "../../program/loop/memory.ts";
import { SCRATCH_LENGTH } from "../../program/loop/rewrite_loop.ts";
import { Sequence } from "../../program/loop/sequence.ts";
import { TemplateIntake } from "../intake/template_intake.ts";
import { profileOf, registryHistory, RFC7011, sharedState, template } from "../../../../test/support/mediation.ts";

const INPUT = allocate(65536);
const OUTPUT = allocate(2 ** 18);
const SCRATCH = allocate(2 * SCRATCH_LENGTH);
const DOMAIN = 7;
const source = template(256, ["interfaceName"]);

function writerOf(dialect: Partial<Dialect> = {}, maxMessageLength = 65535) {
  const announcements = new Announcements();
  const drops: number[] = [];
  const writer = new MessageWriter({
    target: { dialect: { ...RFC7011, ...dialect }, maxMessageLength },
    announcements,
    scratch: SCRATCH,
    mapper: new RecordMapper(SCRATCH, registryHistory.resolve),
    events: {
      countFaults: () => {},
      drop: (_reason, _domain, _template, _message, records) => void drops.push(records),
    },
  });
  const shared = sharedState({ profile: profileOf(RFC7011), plugins: [] });
  const intake = new TemplateIntake(shared, { reliable: true }, {
    chooseTreatment: shared.chooseTreatment,
    maxMessageLength: 65535,
    ids: shared.ids,
    announcers: shared.announcers,
    decidedBy: undefined,
  }, { notify: () => {} });
  const entry = intake.take(source, DOMAIN, undefined);
  assert.ok(entry.kind === "accepted");
  const domain = {
    id: DOMAIN,
    sequence: new Sequence(),
    templates: new Map([[256, entry]]),
    moved: undefined,
    exportTime: 0,
  };

  /** Records of so many octets each, one behind the other from `start` on, each filled with its number. */
  const data = (start: number, lengths: readonly number[]): PlanItem => {
    let at = INPUT + start;
    for (const [index, length] of lengths.entries()) {
      view(at, length).fill(index + 1);
      memoryOctets[at] = length - 1;
      at += length;
    }
    return { kind: "data", template: entry, start, end: at - INPUT, records: lengths.length, scope: undefined };
  };

  const plan = (items: readonly PlanItem[], more: Partial<MessagePlan> = {}): MessagePlan => {
    let [records, bound] = [0, 16];
    for (const item of items) {
      if (item.kind === "data") records += item.records;
      bound += 4 + (item.kind === "data" ? item.end - item.start : item.octets.length);
    }
    return {
      length: 1000,
      exportTime: 99,
      sequenceNumber: 40,
      undecodable: 0,
      observationDomain: DOMAIN,
      domain,
      items,
      records,
      received: records,
      certain: true,
      dropped: false,
      relay: false,
      bound,
      ...more,
    };
  };

  /**
   * Each output that comes of the plan, with these octets of room: its messages as `number: set+set`, sets as
   * `id×octets`.
   */
  const write = (what: MessagePlan, room = 65535): string[][] => {
    writer.begin(what);
    const outputs: string[][] = [];
    for (let done = false; !done;) {
      announcements.settle();
      const output = { start: OUTPUT, end: OUTPUT + room, at: OUTPUT, messages: 0, records: 0 };
      done = writer.write(INPUT, output);
      assert.ok(output.at <= output.end);
      assert.ok(done || output.at > OUTPUT, "a full output must not end it all");
      outputs.push(messages(view(OUTPUT, output.at - OUTPUT)));
      assert.equal(output.messages, outputs.at(-1)?.length);
    }
    return outputs;
  };
  return { writer, announcements, drops, domain, data, plan, write };
}

function messages(octets: Uint8Array): string[] {
  const found: string[] = [];
  for (let start = 0; start < octets.length;) {
    const { length, sequenceNumber, exportTime, observationDomainId } = decodeMessageHeader(octets, start);
    assert.deepEqual([exportTime, observationDomainId], [99, DOMAIN]);
    const sets = setsOfMessage(octets, start, start + length).map(({ id, contentOffset, end }) =>
      `${id}×${end - contentOffset}`
    );
    found.push(`${sequenceNumber}: ${sets.join("+")}`);
    start += length;
  }
  return found;
}

const announcement = (what: Template, set = 0): PlanItem => ({
  kind: "announcement",
  setId: what.scopeFieldCount > 0 ? 3 : 2,
  octets: encodeTemplateRecord(what),
  targetId: what.id,
  withdrawal: false,
  set,
});
const withdrawal = (id: number, set = 0): PlanItem => ({
  kind: "announcement",
  setId: 2,
  octets: encodeWithdrawal(id, "template"),
  targetId: id,
  withdrawal: true,
  set,
});
const narrow = (id: number) => template(id, ["protocolIdentifier"]);

Deno.test("a message that fits goes out as one, under the exporter's own number", () => {
  const { plan, data, write, domain } = writerOf();
  assert.deepEqual(write(plan([announcement(narrow(257)), data(100, [10, 20])])), [["40: 2×8+256×30"]]);
  assert.equal(domain.sequence.counted, false);
});

Deno.test("templates of one set stay in one, those of two in two, withdrawals among them", () => {
  const { plan, write } = writerOf();
  const items = [
    announcement(narrow(257)),
    withdrawal(300),
    announcement(narrow(258), 1),
    announcement(narrow(259), 1),
  ];
  assert.deepEqual(write(plan(items)), [["40: 2×12+2×16"]]);
});

Deno.test("what the dialect keeps apart goes out apart, and from there on what is sent is counted", () => {
  const items = [announcement(narrow(257)), announcement(narrow(258))];
  const one = writerOf({ templateRecordsPerSet: 1 });
  assert.deepEqual(one.write(one.plan(items)), [["40: 2×8+2×8"]]);
  const two = writerOf({ templateRecordsPerSet: 1, setsPerMessage: 1 });
  const plan = two.plan([...items, two.data(100, [10, 20]), announcement(narrow(259), 5)]);
  assert.deepEqual(two.write(plan), [["40: 2×8", "40: 2×8", "40: 256×30", "42: 2×8"]]);
  assert.equal(two.domain.sequence.counted, true);
  const alone = writerOf({ messagesPerWrite: 1, setsPerMessage: 1 });
  const next = alone.plan([alone.data(100, [10]), alone.data(200, [10])]);
  assert.deepEqual(alone.write(next), [["40: 256×10"], ["41: 256×10"]], "a write each");
});

Deno.test("records are cut into messages to the octet, in order", () => {
  for (let maxMessageLength = 30; maxMessageLength < 90; maxMessageLength++) {
    const { plan, data, write } = writerOf({}, maxMessageLength);
    const room = Math.floor((maxMessageLength - 20) / 10);
    const expected = [];
    for (let sent = 0; sent < 7; sent += room) expected.push(`${40 + sent}: 256×${Math.min(room, 7 - sent) * 10}`);
    assert.deepEqual(write(plan([data(100, Array(7).fill(10))])).flat(), expected, `${maxMessageLength} octets`);
  }
});

Deno.test("a record that fits the longest message to the octet goes out; one octet more is dropped", () => {
  const { plan, data, write, drops } = writerOf({}, 120);
  assert.deepEqual(write(plan([data(100, [100])])).flat(), ["40: 256×100"]);
  assert.deepEqual(
    write(plan([data(100, [101])])).flat(),
    ["40: "],
    "a message without sets, which this dialect takes",
  );
  assert.deepEqual(drops, [1]);
  assert.deepEqual(
    write(plan([data(100, [10, 101])], { sequenceNumber: 41 })).flat(),
    ["40: 256×10"],
    "no second message",
  );
  const strict = writerOf({ emptyMessages: false }, 120);
  assert.deepEqual(strict.write(strict.plan([strict.data(100, [101, 101])])), [[]]);
  assert.deepEqual(strict.drops, [1, 1]);
});

Deno.test("a template that no longer fits a message begins the next", () => {
  const { plan, data, write } = writerOf({}, 60);
  assert.deepEqual(write(plan([data(100, [10, 10, 10]), announcement(narrow(257))])).flat(), ["40: 256×30", "43: 2×8"]);
  const small = writerOf({}, 35);
  const together = [announcement(narrow(257)), announcement(narrow(258))];
  assert.deepEqual(small.write(small.plan(together)).flat(), ["40: 2×8", "40: 2×8"], "also one of the same set");
});

Deno.test("a message goes on in the next output when one is full: nothing twice, nothing left out", () => {
  const items = (data: (start: number, lengths: readonly number[]) => PlanItem) => [
    announcement(narrow(257)),
    data(100, [60, 60, 60, 60]),
    withdrawal(257, 9),
    data(400, [90, 10]),
  ];
  const whole = writerOf({}, 110);
  const expected = whole.write(whole.plan(items(whole.data))).flat();
  assert.equal(expected.length, 6);
  for (let room = 110; room < 600; room++) {
    const { plan, data, write } = writerOf({}, 110);
    assert.deepEqual(write(plan(items(data)), room).flat(), expected, `${room} octets of output`);
  }
});

Deno.test("announcements are noted at the message that they stand in", () => {
  const { plan, write, announcements } = writerOf({ setsPerMessage: 1, templateRecordsPerSet: 1 });
  write(plan([announcement(narrow(257)), announcement(narrow(258)), withdrawal(257)]));
  const standing = () => announcements.live().map(({ targetId }) => targetId);
  assert.deepEqual(standing(), [258]);
  announcements.rewind(28 + 28);
  assert.deepEqual(standing().toSorted(), [257, 258], "without the third message");
  announcements.rewind(28);
  assert.deepEqual(standing(), [257], "without the second");
});

Deno.test("a message that is relayed goes out octet for octet, but for a number that is counted", () => {
  const { plan, data, write, domain, announcements } = writerOf();
  const item = data(20, [10]);
  const message = view(INPUT, 30);
  message.set([0, 10, 0, 30, 0, 0, 0, 99, 0, 0, 0, 40, 0, 0, 0, DOMAIN, 1, 0, 0, 14]);
  const relayed = plan([item], { relay: true, length: 30 });
  write(relayed);
  assert.deepEqual(view(OUTPUT, 30), message);
  domain.sequence.restart();
  assert.deepEqual(write(plan([item, announcement(narrow(257))], { relay: true, length: 30 })), [["0: 256×10"]]);
  assert.deepEqual(write(relayed), [["1: 256×10"]]);
  assert.deepEqual(announcements.live().map(({ targetId }) => targetId), [257], "what it announces is noted");
});

Deno.test("data that the reader dropped makes what is sent counted, though the rest is whole", () => {
  const { plan, data, write, domain } = writerOf();
  assert.deepEqual(write(plan([data(100, [10])], { dropped: true, received: 3 })), [["40: 256×10"]]);
  assert.equal(domain.sequence.counted, true);
  assert.deepEqual(write(plan([data(100, [10])], { sequenceNumber: 43 })), [["41: 256×10"]]);
});

Deno.test("giving up a message returns how many of its records were not sent", () => {
  const { writer, plan, data, drops } = writerOf({ messagesPerWrite: 1 }, 60);
  assert.equal(writer.abandon(), 0, "none is in hand");
  writer.begin(plan([data(100, [10, 200, 10, 10, 10, 10, 10, 10, 10])]));
  const write = () => {
    const output = { start: OUTPUT, end: OUTPUT + 65535, at: OUTPUT, messages: 0, records: 0 };
    return [writer.write(INPUT, output), output.records];
  };
  assert.deepEqual([write(), write()], [[false, 1], [false, 4]]);
  assert.deepEqual(drops, [1]);
  assert.equal(writer.abandon(), 3, "neither those that went out nor the one that was dropped as too long");
  assert.deepEqual(write(), [true, 0], "there is nothing to go on with");
});
