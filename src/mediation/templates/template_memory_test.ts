import assert from "node:assert/strict";
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
