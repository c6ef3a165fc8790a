import assert from "node:assert/strict";
import { identity } from "../mapping/template_mapping.ts";
import { template } from "../../../test/support/mediation.ts";
import type { AcceptedTemplate } from "./template_entry.ts";
import { TemplateMemory, type TemplateShare } from "./template_memory.ts";

/** Sessions that take octets, and which of them were ended. */
function memoryOf(limit: number) {
  const memory = new TemplateMemory(limit);
  const ended: string[] = [];
  const share = (owner: string, octets: number): TemplateShare => {
    const one = memory.share({ owner, end: () => void ended.push(`${owner} of ${octets}`) });
    one.hold(octets);
    return one;
  };
  return { memory, ended, share };
}

Deno.test("what an ended session has given back no longer counts as about to come: later ones are ended as the first was", () => {
  const { memory, ended, share } = memoryOf(10_000);
  const hostile = [2_400, 2_300, 2_200, 2_100].map((octets) => share("hostile", octets));
  for (let round = 1; round <= 3; round++) {
    const newcomer = share(`good ${round}`, 0);
    const excess = 10_000 - memory.used;
    share("hostile", excess);
    assert.equal(memory.makeRoom(200, newcomer), true, `in round ${round}`);
    assert.equal(ended.length, round);
    newcomer.hold(200);
    const leaving = hostile.find((one) => one.ended && one.used > 0);
    leaving?.hold(-leaving.used);
    assert.ok(memory.used <= 10_000, `${memory.used} octets`);
  }
  assert.deepEqual(ended, ["hostile of 2400", "hostile of 2300", "hostile of 2200"]);
});

Deno.test("no more is ended at a time than a quarter of the limit", () => {
  const { memory, ended, share } = memoryOf(10_000);
  for (let session = 0; session < 8; session++) share("hostile", 1_250);
  const newcomers = Array.from({ length: 4 }, (_, index) => share(`good ${index}`, 0));
  const found = newcomers.map((newcomer) => {
    const hasRoom = memory.makeRoom(1_000, newcomer);
    if (hasRoom) newcomer.hold(1_000);
    return hasRoom;
  });
  assert.deepEqual([found, ended.length], [[true, true, false, false], 2]);
});

/** What sessions have of a template: a part of their own, and the mapping that all share. */
function entryOf(): AcceptedTemplate {
  const source = template(256, ["protocolIdentifier", "octetDeltaCount"]);
  const compiled = { program: { counted: [], keepsValues: false, octets: new Uint8Array(100) } };
  return { kind: "accepted", source, shared: { mapping: identity(source), compiled } } as unknown as AcceptedTemplate;
}

Deno.test("a mapping that sessions share counts once, for the first or for nobody, in whatever order they leave", () => {
  for (const leaving of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) {
    const { memory, share } = memoryOf(1_000_000);
    const entry = entryOf();
    const shares = ["one", "two", "three"].map((owner) => share(owner, 0));
    for (const each of shares) each.take(entry);
    const [payer, own] = shares.map(({ used }) => used);
    assert.ok(payer !== undefined && own !== undefined && own < payer);
    const mapping = payer - own;
    assert.equal(memory.used, 3 * own + mapping);
    for (const [left, index] of leaving.entries()) {
      shares[index]?.release(entry);
      assert.equal(shares[index]?.used, 0, `session ${index}`);
      assert.equal(memory.used, left === 2 ? 0 : (2 - left) * own + mapping, `when ${left + 1} have left`);
    }
    assert.deepEqual(shares.map(({ used }) => used), [0, 0, 0]);
  }
});
