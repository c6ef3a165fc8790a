/** No input grows the process or the log, and none makes one session's templates another's. */
import assert from "node:assert/strict";
import { allocate, release } from "../../../src/mediation/program/loop/memory.ts";
import { deliver } from "../../support/delivered.ts";
import { withoutMemory } from "../../support/loop_memory.ts";
import { mediatorOf } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import { field, join, message, number, set, templateRecord, type WireField } from "../../support/messages/wire.ts";
import {
  announcement,
  assertMessages,
  COUNT,
  counted,
  data,
  GO,
  LEGACY,
  open,
  PATIENCE,
  plain,
  RFC,
  STRANGE,
  template,
  TORN,
  withDialect,
} from "../conformance.ts";
import { processorTime } from "../../support/time/processor_time.ts";

const OTHER = field("64512/2", 4);
const withdrawal = (id: number) => number(id * 0x10000, 4);
const record = (...fields: WireField[]) => templateRecord({ id: 256, scope: 0, fields });

/** Records of one template set that alternate, thousands of them. */
const FLOODS: readonly [what: string, to: typeof RFC, one: Uint8Array, other: Uint8Array, reliable?: boolean][] = [
  ["two layouts in turn", RFC, record(field("0/4", 1)), record(field("0/7", 2))],
  ["two layouts in turn that are rewritten", GO, record(field("0/2", 1), STRANGE), record(field("0/2", 2))],
  ["two layouts in turn that are refused", GO, record(STRANGE), record(OTHER)],
  ["a template and its withdrawal", RFC, record(field("0/4", 1)), withdrawal(256)],
  ["a template and the withdrawal of all", RFC, record(field("0/4", 1)), withdrawal(2)],
  ["a template and its withdrawal over UDP", RFC, record(field("0/4", 1)), withdrawal(256), false],
  ["the withdrawal of nothing", RFC, withdrawal(300), withdrawal(301)],
];

for (const [what, to, one, other, reliable = true] of FLOODS) {
  Deno.test(`a flood of template records, ${what}: reported a bounded number of times, in bounded time`, () => {
    const { session, events } = open(mediatorOf(to), { reliable });
    const pairs = Array.from({ length: 2_000 }, () => join(one, other));
    const begin = processorTime();
    const { error } = rewriteAll(session, message({}, set(2, join(...pairs))));
    assert.equal(error, undefined);
    assert.ok(processorTime() - begin < PATIENCE, `${processorTime() - begin} ms`);
    for (let round = 0; round < 3; round++) rewriteAll(session, message({}, set(2, join(...pairs.slice(0, 500)))));
    const told = new Map<string, number>();
    for (const { event } of events) told.set(event, (told.get(event) ?? 0) + 1);
    for (const [event, times] of told) assert.ok(times <= 1_024, `${event} was told ${times} times`);
    session.close();
  });
}

Deno.test("a redefinition in a message that takes many writes: the records before it keep their layout", () => {
  const mediator = mediatorOf(GO);
  const { session } = open(mediator);
  const octets = Uint8Array.from({ length: 60_000 }, (_, index) => index);
  const input = message(
    {},
    template(256, [field("0/2", 1)]),
    set(256, octets),
    template(256, [field("0/7", 1), STRANGE]),
    set(256, Uint8Array.of(80, 0, 0, 0, 0)),
    set(2, withdrawal(256)),
    template(256, [field("0/4", 1)]),
    set(256, Uint8Array.of(6, 17)),
  );
  const buffer = new Uint8Array(65_535);
  const output: Uint8Array[] = [];
  let calls = 0;
  for (let consumed = 0;; calls++) {
    const octets = session.rewrite(input.subarray(consumed), buffer);
    consumed += session.consumed;
    if (session.consumed === 0 && octets.length === 0) break;
    output.push(octets.slice());
    // Others come and go meanwhile, and take what memory has become free.
    const { session: other } = open(mediator);
    rewriteAll(other, message({}, template(256, [field("0/10", 1), field("0/7", 1), field("0/11", 1), OTHER])));
    if (calls % 2 === 0) other.close();
  }
  assert.ok(calls > 5);
  const values = deliver(join(...output)).items.filter(({ kind }) => kind === "record").map(({ layout, values }) =>
    `${layout} ${values}`
  );
  assert.deepEqual(values, [
    ...[...octets].map((octet) => `0:2[8] ${number(octet, 8).toHex()}`),
    "0:7[2] 0050",
    "0:4[1] 06",
    "0:4[1] 11",
  ]);
  session.close();
});

Deno.test("a session closed in the middle of a message that takes many writes releases all that it held", () => {
  const mediator = mediatorOf(LEGACY, { limits: { templates: 3 } });
  const buffer = new Uint8Array(65_535);
  for (let round = 0; round < 50; round++) {
    const { session } = open(mediator);
    const octets = message(
      {},
      template(256, [field("0/2", 1)]),
      set(256, new Uint8Array(60_000)),
      template(256, COUNT),
      template(257, COUNT),
    );
    session.rewrite(octets, buffer);
    session.rewrite(octets.subarray(session.consumed), buffer);
    session.close();
  }
  const { session } = open(mediator);
  const good = [
    announcement(),
    message({}, template(257, [field("0/4", 1)])),
    message({}, template(258, [field("0/7", 2)])),
  ];
  assertMessages(rewriteAll(session, join(...good)).output, good);
  session.close();
});

Deno.test("the withdrawal of a shared id is not sent to the collector, since other sessions use it", () => {
  const mediator = mediatorOf(withDialect(RFC, { templateScope: "observation-domain" }));
  const [one, two] = [open(mediator).session, open(mediator).session];
  rewriteAll(one, announcement());
  rewriteAll(two, announcement());
  assertMessages(rewriteAll(one, message({}, set(2, withdrawal(256)))).output, [message({})]);
  assertMessages(rewriteAll(two, data(0, 1)).output, [data(0, 1)]);
  assert.equal(rewriteAll(one, data(0, 1)).error, undefined);
  assert.deepEqual(plain(one.counters.recordsDropped), { unknown_template: 1 });
  one.close();
  two.close();
});

/** What sessions do again and again. */
const ROUNDS: Readonly<
  Record<
    string,
    (mediator: ReturnType<typeof mediatorOf>, standing: ReturnType<typeof open>["session"], round: number) => void
  >
> = {
  "opened and closed": (mediator) => {
    const { session } = open(mediator);
    rewriteAll(session, message({}, template(256, [STRANGE, ...COUNT]), set(256, join(number(1, 4), counted(1)))));
    session.close();
  },
  "redefined": (_, standing, round) => {
    const layout = round % 2 === 0 ? [STRANGE, ...COUNT] : [field("0/2", 4), STRANGE];
    rewriteAll(standing, message({}, template(300, layout)));
  },
  "withdrawn": (_, standing) => {
    rewriteAll(standing, message({}, template(301, [STRANGE, ...COUNT]), set(2, withdrawal(301))));
  },
  "refused, then not": (_, standing, round) => {
    rewriteAll(standing, message({}, template(302, round % 2 === 0 ? [STRANGE] : [STRANGE, ...COUNT])));
  },
  "in broken messages": (_, standing) => {
    const domain = { observationDomain: 9 };
    for (const header of [domain, {}]) {
      const layouts = [
        template(303, [STRANGE, ...COUNT]),
        template(300, [OTHER, ...COUNT]),
        template(256, [field("0/2", 4)]),
      ];
      assert.equal(
        rewriteAll(standing, message(header, ...layouts, set(2, withdrawal(256)), TORN)).error?.offset !== undefined,
        true,
      );
    }
  },
};

for (const to of [GO, LEGACY]) {
  for (const [what, round] of Object.entries(ROUNDS)) {
    Deno.test(`templates ${what} a thousand times take no more memory than once (${to.name})`, () => {
      const mediator = mediatorOf(to);
      const { session: standing } = open(mediator);
      rewriteAll(standing, join(announcement(), data(0, 1)));
      for (let warm = 0; warm < 4; warm++) round(mediator, standing, warm);
      // As much as one round needs stays free.
      const spare = [64, 128, 256, 512, 1024].flatMap((size) => [size, size, size, size]).map((size) =>
        [allocate(size), size] as const
      );
      withoutMemory(() => {
        for (const [address, size] of spare) release(address, size);
        for (let index = 0; index < 1_000; index++) round(mediator, standing, index);
        assertMessages(rewriteAll(standing, data(1, 2)).output, [data(1, 2)]);
      });
      assert.equal(standing.counters.recordsDropped.size, 0);
      const { refused = 0 } = plain(standing.counters.templates);
      assert.ok(what === "refused, then not" ? refused > 400 : refused === 0, `${refused} were refused`);
      standing.close();
    });
  }
}
