import assert from "node:assert/strict";
import { type Failure, fuzz } from "./fuzzer.ts";
import { readCase } from "./case_file.ts";
import { Random } from "./input/random.ts";
import { processorTime } from "../support/time/processor_time.ts";
import { simplerMessages } from "./input/simpler_messages.ts";
import type { Target } from "./targets/target.ts";
import { TARGETS } from "./targets/targets.ts";

/** A target whose cases are octets, and which fails where one of them is 7. */
const unlucky: Target<Uint8Array[]> = {
  name: "unlucky",
  share: 1,
  draw: (random) => random.list(4, () => random.octets(60)),
  octetsOf: (messages) => messages.reduce((sum, { length }) => sum + length, 0),
  run(messages) {
    if (messages.some((octets) => octets.includes(7))) throw new Error(`found 7 in ${messages.length} messages`);
  },
  simpler: simplerMessages,
};

function run(targets: readonly Target[], cases: number, seed = 5) {
  const failures: Failure[] = [];
  return fuzz({ targets, seed, isOver: (done) => done >= cases, onFailure: (failure) => failures.push(failure) })
    .then((report) => ({ report, failures }));
}

Deno.test("a failing case is made smaller, named, and written once for each kind of failure", async () => {
  const { report, failures } = await run([unlucky as Target], 40);
  assert.equal(report.failures, 1);
  const [failure] = failures;
  assert.ok(failure !== undefined);
  assert.match(failure.name, /^5\/unlucky\/\d+$/);
  const messages = readCase(failure.file).case as Uint8Array[];
  assert.equal(messages.length, 1);
  assert.ok(messages[0] !== undefined && messages[0].length <= 17 && messages[0].includes(7));
  // The case's name alone makes it again.
  assert.throws(() => unlucky.run(unlucky.draw(new Random(failure.name)), undefined as never), /found 7/);
});

Deno.test("a turn that is too long fails, whatever else holds", async () => {
  const slow: Target<number> = {
    name: "slow",
    share: 1,
    draw: () => 0,
    octetsOf: () => 0,
    run(_one, meter) {
      meter.turn(() => {
        for (const end = processorTime() + 90; processorTime() < end;);
      });
    },
    simpler: () => [],
  };
  const { failures } = await run([slow as Target], 1);
  assert.match(failures[0]?.message ?? "", /^a turn of \d+\.\d ms$/);
});

for (const target of TARGETS.values()) {
  Deno.test(`the same seed makes the same cases, and what they ask for holds: ${target.name}`, async () => {
    const draw = () => JSON.stringify(Array.from({ length: 20 }, (_, index) => target.draw(new Random(`9/${index}`))));
    assert.equal(draw(), draw());
    const { report, failures } = await run([target], 25, 9);
    assert.deepEqual(failures.map(({ message }) => message.slice(0, 2000)), []);
    assert.equal(report.cases, 25);
    assert.ok(report.octets > 0 && report.states.size > 0);
    await target.close?.();
  });
}
