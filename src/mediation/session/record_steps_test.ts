/**
 * However many records one message has that are costly to write, one call writes a small part of them, and others have a
 * turn before the next.
 */
import assert from "node:assert/strict";
import { antreaProfile, withoutLimits } from "../../../test/support/messages/antrea.ts";
import {
  field,
  join,
  message,
  readMessages,
  set,
  templateSet,
  text,
  variable,
} from "../../../test/support/messages/wire.ts";
import { openSession } from "../../../test/support/session.ts";
import type { Profile } from "../mapping/profile/profile.ts";

/** Microseconds, as in a session of the proxy. */
const WORK = 1_000;
/** Octets of records in one message. */
const MOST = 65_000;

interface Calls {
  /** Records that each call has sent or dropped. */
  readonly records: readonly number[];
  readonly output: Uint8Array;
  readonly counters: ReturnType<typeof openSession>["session"]["counters"];
}

/** What comes of a template and a message of its records, in calls of so much work. */
function callsOf(
  profile: Profile,
  fields: readonly ReturnType<typeof field>[],
  record: Uint8Array,
  { work = WORK, octets: most = MOST } = {},
): Calls {
  const { session } = openSession(profile);
  const repeated = new Uint8Array(Math.floor(most / record.length) * record.length);
  for (let at = 0; at < repeated.length; at += record.length) repeated.set(record, at);
  const template = { id: 256, scope: 0, fields };
  const octets = join(message({}, templateSet(template)), message({}, set(256, repeated)));
  const room = new Uint8Array(256 * 1024);
  const [records, output]: [number[], Uint8Array[]] = [[], []];
  let [start, done] = [0, 0];
  do {
    output.push(session.rewrite(octets.subarray(start), room, work).slice());
    start += session.consumed;
    const { recordsSent, recordsDropped } = session.counters;
    const dropped = recordsDropped.values().reduce((sum, one) => sum + one, 0);
    const now = recordsSent + session.producedRecords + dropped;
    records.push(now - done);
    done = now;
  } while (session.unfinished || session.consumed > 0 || session.produced > 0);
  assert.equal(start, octets.length);
  assert.equal(done, repeated.length / record.length, "each record is sent or dropped once");
  return { records, output: join(...output), counters: session.counters };
}

Deno.test("65,000 records that refer to templates are mapped over many calls, and all go out", () => {
  const { records, counters } = callsOf(antreaProfile("v1.15.2"), [field("0/145", 1)], Uint8Array.of(1));
  assert.ok(Math.max(...records) <= 1_000, `one call mapped ${Math.max(...records)} records`);
  assert.equal(counters.recordsSent, MOST);
  assert.equal(counters.referenceFaults.get("unknown_template"), MOST);
});

Deno.test("records with lists are mapped over many calls", () => {
  const list = variable(Uint8Array.of(3, 1, 0));
  const profile = withoutLimits("v2.7.0", { templateScope: "observation-domain" });
  const { records } = callsOf(profile, [field("0/292", 65535)], list);
  assert.ok(Math.max(...records) <= 1_000, `one call mapped ${Math.max(...records)} lists`);
});

Deno.test("a message that is little work to map goes out as one, however little work a call may do", () => {
  const { output } = callsOf(antreaProfile("v1.15.2"), [field("0/145", 1)], Uint8Array.of(1), { work: 1, octets: 400 });
  const [announcement, data, more] = readMessages(output);
  assert.deepEqual([announcement?.sets[0]?.id, data?.sets[0]?.content.length, more], [2, 2 * 400, undefined]);
});

Deno.test("thousands of records that turn out too long are dropped over many calls", () => {
  const fields = [field("0/82", 65535), ...Array(4_090).fill(field("0/62", 0))];
  const { records, counters } = callsOf(antreaProfile("v1.15.2"), fields, variable(text("x".repeat(80))));
  assert.ok(Math.max(...records) <= 20, `one call dropped ${Math.max(...records)} records of 65,000 octets`);
  assert.deepEqual([...counters.recordsDropped], [["record_too_long", Math.floor(MOST / 81)]]);
});
