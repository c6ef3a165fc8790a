import assert from "node:assert/strict";
import { history, rfc7011 } from "../../../test/support/messages/antrea.ts";
import { rewriteAll } from "../../../test/support/rewrite_all.ts";
import { field, join, message, readMessages, set, templateSet } from "../../../test/support/messages/wire.ts";
import { GO_IPFIX_LEGACY } from "../mapping/profile/dialect.ts";
import type { Plugin } from "../mapping/plugin.ts";
import type { Treatment } from "../mapping/chain/treatment.ts";
import type { MediationEvent } from "../templates/event.ts";
import { Mediator } from "./mediator.ts";
import type { SessionRewriter } from "./session_rewriter.ts";

const TEMPLATE = message({}, templateSet({ id: 256, scope: 0, fields: [field("0/4", 1), field("0/5", 1)] }));
const data = (sequenceNumber: number) => message({ sequenceNumber }, set(256, Uint8Array.of(1, 2)));

/** A collector of go-ipfix up to v0.11 that gets only these elements. */
const keeping = (...ids: number[]): Treatment => {
  const plugin: Plugin = {
    name: "keep",
    rewrite: (mapping) => ({
      ...mapping,
      fields: mapping.fields.filter(({ target }) => ids.includes(target.element.id)),
    }),
  };
  return { profile: { ...rfc7011, name: `keeps ${ids}`, dialect: GO_IPFIX_LEGACY }, plugins: [plugin] };
};

function mediating(first: Treatment) {
  const mediator = new Mediator({ chooseTreatment: () => first, registryHistory: history });
  const events: MediationEvent[] = [];
  return {
    mediator,
    events,
    open: () => mediator.open({ reliable: true, notify: (event) => void events.push(event) }),
    expect: (next: Treatment) => mediator.reconfigure({ chooseTreatment: () => next }),
  };
}

/** Ids of the sets that go out. */
function sent(session: SessionRewriter, ...messages: Uint8Array[]): number[] {
  return readMessages(rewriteAll(session, join(...messages)).output).flatMap(({ sets }) => sets.map(({ id }) => id));
}

const idOf = (session: SessionRewriter) => session.templates()[0]?.targetTemplate;

Deno.test("within an epoch another layout gets another id; with the next epoch the exporter's own is free again", () => {
  const { mediator, open, expect, events } = mediating(keeping(4));
  const session = open();
  sent(session, TEMPLATE, data(0));
  assert.equal(idOf(session), 256);
  expect(keeping(4, 5));
  assert.equal(session.outdated, true);
  session.renew();
  assert.equal(idOf(session), 65535, "the collector may hold records of the layout that 256 had");
  assert.equal(session.skewed, true);

  mediator.beginEpoch();
  assert.equal(session.outdated, true, "it has other ids in this epoch");
  events.length = 0;
  session.renew();
  assert.equal(idOf(session), 256);
  assert.equal(session.skewed, false);
  assert.deepEqual(sent(session, data(1)), [2, 256], "its template first");
  const mapped = events.filter((event) => event.event === "template_mapped");
  assert.deepEqual(mapped.map(({ targetTemplate, renewed }) => [targetTemplate, renewed]), [[256, true]]);
  session.close();
});

Deno.test("an epoch that gives the same ids drops nothing: what the old process never took goes out behind its template", () => {
  const { mediator, open } = mediating(keeping(4));
  const session = open();
  sent(session, TEMPLATE);
  const unsent = session.rewrite(data(0), new Uint8Array(65535)).slice();
  mediator.beginEpoch();
  assert.equal(session.outdated, false);
  session.restart(unsent);
  assert.deepEqual(sent(session), [2, 256]);
  assert.equal(session.counters.recordsDropped.get("collector_unavailable"), undefined);
  session.close();
});

Deno.test("a session that has not met the new process holds none of its ids, and gives back none of them", () => {
  const { mediator, open, expect } = mediating(keeping(4));
  const [late, early] = [open(), open()];
  sent(late, TEMPLATE);
  sent(early, TEMPLATE);
  mediator.beginEpoch();
  expect(keeping(4, 5));
  early.renew();
  assert.equal(idOf(early), 256, "the id that another session still has of the process before is free");
  late.close();
  expect(keeping(5));
  const third = open();
  sent(third, TEMPLATE);
  assert.equal(idOf(third), 65535, "256 is still held by the layout that the process knows");
  for (const session of [early, third]) session.close();
});

Deno.test("a session that has received nothing adopts what is in force when the collector is reached, and keeps its exporter's numbers", () => {
  const { mediator, open, expect } = mediating(keeping(4));
  const session = open();
  expect(keeping(4, 5));
  mediator.beginEpoch();
  assert.equal(session.outdated, true);
  assert.equal(session.renew(), 0);
  assert.equal(session.outdated, false);
  const { output } = rewriteAll(session, join(TEMPLATE, data(7)));
  assert.deepEqual(readMessages(output).map(({ sequenceNumber }) => sequenceNumber), [0, 7]);
  assert.equal(idOf(session), 256);
  assert.equal(session.skewed, false);
  session.close();
});
