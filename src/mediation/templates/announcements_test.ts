import assert from "node:assert/strict";
import { type Announcement, Announcements } from "./announcements.ts";

function announcement(targetId: number, octet: number, more: Partial<Announcement> = {}): Announcement {
  return { observationDomain: 1, targetId, setId: 2, octets: Uint8Array.of(octet), ...more };
}

/** What stands, as `domain/id=octet`. */
function standing(announcements: Announcements): string[] {
  return announcements.live().map(({ observationDomain, targetId, octets }) =>
    `${observationDomain}/${targetId}=${octets[0]}`
  );
}

Deno.test("templates keep the order of their first announcement; a redefinition takes its template's place", () => {
  const announcements = new Announcements();
  announcements.announce(announcement(257, 1), 0);
  announcements.announce(announcement(256, 2), 0);
  announcements.announce(announcement(256, 3, { observationDomain: 2 }), 0);
  announcements.announce(announcement(257, 4), 0);
  assert.deepEqual(standing(announcements), ["1/257=4", "1/256=2", "2/256=3"]);
});

Deno.test("a withdrawal takes one template, if it is of its kind and domain", () => {
  const announcements = new Announcements();
  for (const id of [256, 257]) announcements.announce(announcement(id, 0), 0);
  announcements.announce(announcement(258, 0, { setId: 3 }), 0);
  announcements.announce(announcement(256, 0, { observationDomain: 2 }), 0);
  announcements.withdraw(1, 256, 3, 0);
  announcements.withdraw(1, 256, 2, 0);
  assert.deepEqual(standing(announcements), ["1/257=0", "1/258=0", "2/256=0"], "id 256 is no options template");
});

Deno.test("a retired template is no longer in force, even though no withdrawal went out", () => {
  const announcements = new Announcements();
  announcements.announce(announcement(256, 1), 0);
  announcements.retire(1, 256, 20);
  announcements.retire(1, 256, 20);
  assert.deepEqual(standing(announcements), []);
  announcements.rewind(20);
  assert.deepEqual(standing(announcements), ["1/256=1"]);
});

Deno.test("output that never arrived is taken back from its first octet on, and can be repeated", () => {
  const announcements = new Announcements();
  announcements.announce(announcement(256, 1), 0);
  announcements.settle();
  announcements.announce(announcement(256, 2), 0);
  announcements.announce(announcement(257, 3), 100);
  announcements.withdraw(1, 256, 2, 200);

  const changes = announcements.rewind(100);
  assert.deepEqual(standing(announcements), ["1/256=2", "1/257=3"].slice(0, 1), "offset 100 itself is taken back");
  for (const change of changes) announcements.repeat(change, 40);
  assert.deepEqual(standing(announcements), ["1/257=3"]);
  announcements.rewind(41);
  assert.deepEqual(standing(announcements), ["1/257=3"]);
  announcements.rewind(0);
  assert.deepEqual(standing(announcements), ["1/256=1"], "what was settled stays");
});

Deno.test("what is settled cannot be taken back", () => {
  const announcements = new Announcements();
  announcements.announce(announcement(256, 1), 10);
  announcements.settle();
  assert.deepEqual(announcements.rewind(0), []);
  assert.deepEqual(standing(announcements), ["1/256=1"]);
});
