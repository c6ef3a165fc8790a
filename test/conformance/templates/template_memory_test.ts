/** The memory that templates may take: most of it is their fields, of which one may have 16,383. */
import assert from "node:assert/strict";
import { rewriteAll } from "../../support/rewrite_all.ts";
import type { Mediator } from "../../../src/mediation/session/mediator.ts";
import { mediatorOf } from "../../support/session.ts";
import { field, join, message, set } from "../../support/messages/wire.ts";
import {
  announcement,
  assertMessages,
  conforms,
  COUNT,
  data,
  MAPPED,
  open,
  RFC,
  template,
  withdrawal,
} from "../conformance.ts";

/** About 8 and 24 KB of memory. */
const MEDIUM = Array.from({ length: 30 }, () => field("0/4", 1));
const LARGE = Array.from({ length: 110 }, () => field("0/4", 1));
const limits = { templateMemory: 120_000 };

Deno.test("past the memory limit a template is refused; small ones and existing ones work; a withdrawal frees memory", () =>
  conforms({
    to: RFC,
    options: { limits },
    input: [
      message({}, template(256, MEDIUM)),
      message({}, template(257, LARGE)),
      message({}, template(258, COUNT)),
      message({}, set(256, new Uint8Array(30))),
      message({ sequenceNumber: 1 }, withdrawal(256), withdrawal(258)),
      message({ sequenceNumber: 1 }, template(257, LARGE)),
      message({ sequenceNumber: 1 }, set(257, new Uint8Array(110))),
    ],
    output: [
      message({}, template(256, MEDIUM)),
      message({}),
      message({}, template(258, COUNT)),
      message({}, set(256, new Uint8Array(30))),
      message({ sequenceNumber: 1 }, withdrawal(256), withdrawal(258)),
      message({ sequenceNumber: 1 }, template(257, LARGE)),
      message({ sequenceNumber: 1 }, set(257, new Uint8Array(110))),
    ],
    templates: { identity: 3, refused: 1 },
    events: [
      MAPPED,
      "records_dropped 1/257 limit",
      "template_mapped 1/258 → 258 identity",
      "template_withdrawn 1/256",
      "template_withdrawn 1/258",
      "template_mapped 1/257 → 257 identity",
    ],
  }));

Deno.test("a redefinition that finds no room decodes nothing with the layout before it", () =>
  conforms({
    to: RFC,
    options: { limits: { templateMemory: 80_000 } },
    input: [announcement(), data(0, 1), message({ sequenceNumber: 1 }, template(256, LARGE)), data(1, 2)],
    output: [
      announcement(),
      data(0, 1),
      message({ sequenceNumber: 1 }),
      message({ sequenceNumber: 1 }),
    ],
    dropped: { unknown_template: 1 },
    templates: { identity: 1, refused: 1 },
    events: [
      MAPPED,
      "template_withdrawn 1/256",
      "records_dropped 1/256 limit",
      "records_dropped 1/256 unknown_template",
    ],
  }));

Deno.test("messages that are refused give back the memory that their templates held", () => {
  const { session } = open(mediatorOf(RFC, { limits }), { reliable: false });
  const torn = message({}, template(257, LARGE), new Uint8Array(3));
  for (let times = 0; times < 5; times++) assert.ok(rewriteAll(session, torn).error !== undefined);
  const whole = message({}, template(257, LARGE));
  assertMessages(rewriteAll(session, whole).output, [whole]);
  session.close();
});

/** Opens a session that makes room when it has to. */
function openFor(mediator: Mediator, owner: string, ended: string[] = []) {
  return open(mediator, { roomMaker: { owner, end: () => void ended.push(owner) } });
}

/** Announces templates that no other session has until one is refused. Returns how many were taken. */
function fill({ session }: ReturnType<typeof open>, observationDomain: number): number {
  for (let id = 256;; id++) {
    const fields = [
      field("0/1", 8),
      ...Array.from({ length: 30 }, (_, bit) => field("0/4", 1 + (((observationDomain * 256 + id) >> bit) & 1))),
    ];
    const { output } = rewriteAll(session, message({ observationDomain }, template(id, fields)));
    if (output.length === 16) return id - 256;
  }
}

Deno.test("an owner that takes all memory loses it to those that need little, one session at a time", () => {
  const mediator = mediatorOf(RFC, { limits: { templateMemory: 1_000_000, templatesPerSession: 30 } });
  const ended: string[] = [];
  const hostile = Array.from({ length: 5 }, () => openFor(mediator, "hostile", ended));
  const taken = hostile.map((one, number) => fill(one, number));
  assert.ok((taken.at(-1) ?? 0) < 30, `${taken} taken`);
  const newcomer = openFor(mediator, "newcomer", ended);
  const medium = [message({}, template(256, MEDIUM)), message({}, set(256, new Uint8Array(30)))];
  assertMessages(rewriteAll(newcomer.session, join(...medium)).output, medium);
  assert.deepEqual(ended, ["hostile"]);
  for (const { session } of hostile) session.close();
  newcomer.session.close();
  const large = message({}, template(256, Array.from({ length: 1_000 }, () => field("0/4", 1))));
  const after = open(mediator);
  assertMessages(rewriteAll(after.session, large).output, [large]);
  after.session.close();
});

Deno.test("if all have about as much, none makes room; a template that others have costs a new session almost nothing", () => {
  const mediator = mediatorOf(RFC, { limits: { templateMemory: 90_000 } });
  const ended: string[] = [];
  const agent = openFor(mediator, "agent", ended);
  const known = [announcement(), data(0, 1)];
  assertMessages(rewriteAll(agent.session, join(...known)).output, known);
  const others = [1, 2, 3, 4].map((number) => openFor(mediator, `other ${number}`, ended));
  for (const [number, other] of others.entries()) {
    rewriteAll(
      other.session,
      message(
        { observationDomain: 50 + number },
        template(256, Array.from({ length: 90 + number }, () => field("0/4", 1))),
      ),
    );
  }
  const newcomer = openFor(mediator, "newcomer", ended);
  assertMessages(rewriteAll(newcomer.session, message({}, template(256, MEDIUM))).output, [message({})]);
  assertMessages(rewriteAll(newcomer.session, join(...known)).output, known);
  assert.deepEqual(ended, []);
  for (const { session } of [agent, newcomer, ...others]) session.close();
});

Deno.test("when the process is short of memory, the largest session of the largest owner ends, if it takes enough, and once", () => {
  const mediator = mediatorOf(RFC, { limits: { templateMemory: 1_000_000, templatesPerSession: 30 } });
  const ended: string[] = [];
  const small = openFor(mediator, "small", ended);
  rewriteAll(small.session, announcement());
  assert.equal(mediator.relieve(64 * 1024), 0, "nobody takes much");
  const large = openFor(mediator, "large", ended);
  fill(large, 1);
  assert.ok(mediator.relieve(64 * 1024) >= 64 * 1024);
  assert.equal(mediator.relieve(64 * 1024), 0, "it is ending already");
  assert.deepEqual(ended, ["large"]);
  assert.equal(fill(large, 2), 0, "it takes no more templates, in another domain either");
  large.session.close();
  assert.equal(mediator.relieve(64 * 1024), 0);
  assert.deepEqual(ended, ["large"]);
  small.session.close();
});
