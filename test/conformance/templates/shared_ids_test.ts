/**
 * Template ids that all sessions to a collector share (templateScope observation-domain): two layouts never meet under
 * one id.
 */
import assert from "node:assert/strict";
import { deliver } from "../../support/delivered.ts";
import { DialectChecker } from "../../support/dialect_checker.ts";
import { mediatorOf } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import { field, join, message, number, set } from "../../support/messages/wire.ts";
import {
  announcement,
  assertMessages,
  COUNT,
  counted,
  data,
  describe,
  GO,
  LEGACY,
  open,
  type Opened,
  STRANGE,
  template,
  TORN,
} from "../conformance.ts";

const OTHER = [field("0/4", 1)];
const other = (id = 256, observationDomain = 1) => message({ observationDomain }, template(id, OTHER));

/** Sessions to one collector, each with its name; whatever goes out is held against the dialect over all of them. */
class Sessions {
  readonly mediator;
  readonly #checker: DialectChecker;
  readonly #open = new Map<string, Opened>();

  constructor(readonly profile = LEGACY) {
    this.mediator = mediatorOf(profile);
    this.#checker = new DialectChecker(profile);
  }

  /** What comes of these messages in this session. */
  rewrite(name: string, ...messages: readonly Uint8Array[]): Uint8Array {
    const { writes, output, error } = rewriteAll(this.of(name).session, join(...messages));
    assert.equal(error, undefined);
    this.#checker.writes(name, writes);
    return output;
  }

  of(name: string): Opened {
    const known = this.#open.get(name) ?? open(this.mediator);
    this.#open.set(name, known);
    return known;
  }

  restart(name: string): void {
    this.#checker.close(name);
    this.of(name).session.restart();
  }

  /** The session sends nothing any more by the ids that it has had. */
  letGo(name: string): void {
    this.#checker.close(name);
  }

  close(name: string): void {
    this.of(name).session.close();
    this.#checker.close(name);
    this.#open.delete(name);
  }

  [Symbol.dispose](): void {
    for (const { session } of this.#open.values()) session.close();
  }
}

Deno.test("the exporter's own id where it is free, and where it has the same layout", () => {
  using sessions = new Sessions();
  for (const name of ["one", "two", "three"]) {
    assertMessages(sessions.rewrite(name, announcement(), data(0, 1)), [announcement(), data(0, 1)]);
  }
  assertMessages(sessions.rewrite("four", other(), message({}, set(256, Uint8Array.of(6)))), [
    message({}, template(65_535, OTHER)),
    message({}, set(65_535, Uint8Array.of(6))),
  ]);
  assert.deepEqual(sessions.of("four").events.map(describe), [
    "template_mapped 1/256 → 65535 identity".replace("identity", "rewritten"),
  ]);
});

Deno.test("an id that is taken by another layout: one from 65,535 downwards that is free or has the layout", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement());
  sessions.rewrite("two", other());
  assertMessages(sessions.rewrite("three", other()), [message({}, template(65_535, OTHER))]);
  assertMessages(sessions.rewrite("four", message({}, template(256, [field("0/2", 8)]))), [
    message({}, template(65_534, [field("0/2", 8)])),
  ]);
  assertMessages(sessions.rewrite("five", message({}, template(65_535, COUNT))), [
    message({}, template(65_533, COUNT)),
  ]);
});

Deno.test("another observation domain is another space of ids", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement());
  assertMessages(sessions.rewrite("two", other(256, 2)), [other(256, 2)]);
});

Deno.test("where template ids are each session's own, none is changed", () => {
  using sessions = new Sessions(GO);
  sessions.rewrite("one", announcement());
  assertMessages(sessions.rewrite("two", other()), [other()]);
});

Deno.test("a redefinition while another session uses the old layout: the new one goes under another id", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement());
  sessions.rewrite("two", announcement());
  assertMessages(sessions.rewrite("one", other(), message({}, set(256, Uint8Array.of(6)))), [
    message({}, template(65_535, OTHER)),
    message({}, set(65_535, Uint8Array.of(6))),
  ]);
  assertMessages(sessions.rewrite("two", data(0, 1)), [data(0, 1)]);
  assertMessages(sessions.rewrite("one", announcement({ sequenceNumber: 1 }), data(1, 2)), [
    announcement({ sequenceNumber: 1 }),
    data(1, 2),
  ]);
});

Deno.test("a redefinition that conflicts with no other session keeps its id", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement());
  assertMessages(sessions.rewrite("one", other(), message({}, set(256, Uint8Array.of(6)))), [
    other(),
    message({}, set(256, Uint8Array.of(6))),
  ]);
});

Deno.test("layouts are compared as they go out: releases that end up the same share the id", () => {
  using sessions = new Sessions();
  assertMessages(sessions.rewrite("one", message({}, template(256, [STRANGE, ...COUNT]))), [announcement()]);
  assertMessages(sessions.rewrite("two", message({}, template(256, [field("0/4", 1), field("0/2", 3)]))), [
    announcement(),
  ]);
});

Deno.test("a session that ends releases its ids", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement());
  sessions.rewrite("two", other());
  sessions.close("one");
  assertMessages(sessions.rewrite("three", message({}, template(256, [field("0/2", 8)]))), [
    message({}, template(256, [field("0/2", 8)])),
  ]);
  sessions.close("two");
  assertMessages(sessions.rewrite("four", other()), [message({}, template(65_535, OTHER))]);
});

Deno.test("a refused message releases the ids of its templates, and no others", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement(), data(0, 1));
  const broken = message(
    {},
    template(256, OTHER),
    template(257, COUNT),
    template(300, [field("0/2", 8)]),
    set(2, number(257 * 0x10000, 4)),
    TORN,
  );
  for (let round = 0; round < 3; round++) {
    assert.equal(rewriteAll(sessions.of("one").session, broken).error?.reason, "template_truncated");
  }
  const isStillHeld = () => {
    assertMessages(sessions.rewrite("three", other()), [message({}, template(65_535, OTHER))]);
    sessions.close("three");
  };
  isStillHeld();
  const withdrawn = message({}, set(2, number(256 * 0x10000, 4)), TORN);
  assert.equal(rewriteAll(sessions.of("one").session, withdrawn).error?.reason, "template_truncated");
  isStillHeld();
  assertMessages(sessions.rewrite("two", announcement(), other(257), message({}, template(300, OTHER))), [
    announcement(),
    other(257),
    message({}, template(300, OTHER)),
  ]);
  assertMessages(sessions.rewrite("one", data(1, 2)), [data(1, 2)]);
});

Deno.test("a withdrawal releases the id; a later replay does not affect its new owner", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement(), message({}, set(2, number(256 * 0x10000, 4))), other(257));
  sessions.letGo("one");
  assertMessages(sessions.rewrite("two", other(), message({}, set(256, Uint8Array.of(6)))), [
    other(),
    message({}, set(256, Uint8Array.of(6))),
  ]);
  sessions.restart("one");
  const replayed = sessions.rewrite("one", message({}, set(257, Uint8Array.of(6))));
  assert.deepEqual(deliver(replayed).items.map(({ kind, id }) => `${kind} ${id}`), ["template 257", "record 257"]);
});

Deno.test("a layout that a redefinition left behind is not replayed either", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement());
  sessions.rewrite("two", announcement());
  sessions.rewrite("one", other());
  sessions.letGo("one");
  sessions.close("two");
  assertMessages(sessions.rewrite("three", message({}, template(256, [field("0/2", 8)]))), [
    message({}, template(256, [field("0/2", 8)])),
  ]);
  sessions.restart("one");
  const replayed = sessions.rewrite("one", message({}, set(256, Uint8Array.of(6))));
  assert.deepEqual(deliver(replayed).items.map(({ kind, id }) => `${kind} ${id}`), ["template 65535", "record 65535"]);
});

Deno.test("a template that a redefinition made useless is not replayed either", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement(), message({}, template(256, [STRANGE])), message({}, template(257, COUNT)));
  sessions.letGo("one");
  sessions.rewrite("two", other());
  sessions.restart("one");
  const replayed = sessions.rewrite("one", message({}, set(257, counted(1))));
  assert.deepEqual(deliver(replayed).items.map(({ kind, id }) => `${kind} ${id}`), ["template 257", "record 257"]);
});

Deno.test("shared ids: templates sent again keep the ids they went out with", () => {
  using sessions = new Sessions();
  sessions.rewrite("one", announcement());
  sessions.rewrite("two", other());
  sessions.of("two").session.announce();
  const again = sessions.rewrite("two", other(), message({}, set(256, Uint8Array.of(6))));
  assert.deepEqual(deliver(again).items.map(({ kind, id }) => `${kind} ${id}`), [
    "template 65535",
    "template 65535",
    "record 65535",
  ]);
});

Deno.test("with all ids taken, a new template is refused and counted, and existing ones work", () => {
  const mediator = mediatorOf(LEGACY, {
    plugins: [],
    limits: { templatesPerSession: 70_000, templateMemory: 2 ** 30 },
  });
  const { session: one } = open(mediator);
  const ids = Array.from({ length: 65_536 - 256 }, (_, index) => 256 + index);
  for (let start = 0; start < ids.length; start += 4000) {
    const templates = ids.slice(start, start + 4000).map((id) =>
      join(number(id, 2), number(1, 2), number(4, 2), number(1, 2))
    );
    rewriteAll(one, message({}, set(2, join(...templates))), { outputSize: 262_144 });
  }
  const { session: two, events } = open(mediator);
  assertMessages(rewriteAll(two, join(announcement(), data(0, 1))).output, []);
  assert.deepEqual(events.map(describe), ["template_refused 1/256 limit", "records_dropped 1/256 limit"]);
  assert.equal(two.counters.recordsDropped.get("limit"), 1);
  assertMessages(rewriteAll(two, message({ sequenceNumber: 1 }, template(300, OTHER))).output, [
    message({}, template(300, OTHER)),
  ]);
  one.close();
  two.close();
});

Deno.test("hundreds of sessions of several releases in one domain never share an id with different layouts", () => {
  using sessions = new Sessions();
  const layouts = [COUNT, OTHER, [field("0/2", 8)], [field("0/82", 65535)], [field("0/1", 4), STRANGE]];
  const record = [counted(1), Uint8Array.of(6), number(1, 8), Uint8Array.of(1, 65), number(1, 8)];
  let records = 0;
  for (let round = 0; round < 300; round++) {
    const name = `session ${round % 50}`;
    const layout = layouts[(round * 7) % 5] ?? COUNT;
    const source = layout.length === 2 && layout[1] === STRANGE
      ? new Uint8Array(8)
      : record[(round * 7) % 5] ?? counted(1);
    const output = sessions.rewrite(name, message({}, template(256, layout)), message({}, set(256, source)));
    records += deliver(output).items.filter(({ kind }) => kind === "record").length;
    if (round % 11 === 0) sessions.restart(name);
    if (round % 13 === 0) sessions.close(name);
  }
  assert.equal(records, 300);
});
