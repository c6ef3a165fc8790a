import assert from "node:assert/strict";
import { antreaProfile } from "../../test/support/antrea.ts";
import { deliver } from "../../test/support/delivered.ts";
import { rewriteAll } from "../../test/support/rewrite_all.ts";
import { openSession } from "../../test/support/session.ts";
import { field, join, message, number, set, templateSet, text, variable } from "../../test/support/wire.ts";

Deno.test("records that need no change are whole where their message is split", () => {
  const fixed = { id: 256, scope: 0, fields: [field("0/7", 2), field("0/11", 2), field("0/4", 1)] };
  const named = { id: 257, scope: 0, fields: [field("0/4", 1), field("56506/101", 65535)] };
  const ports = join(number(80, 2), number(443, 2), number(6, 1));
  const pod = join(number(17, 1), variable(text("pod-1")));
  const { session } = openSession(antreaProfile("v1.15.2"));
  const stream = message({}, templateSet(fixed, named), set(256, join(ports, ports)), set(257, pod));
  const { items } = deliver(rewriteAll(session, stream).output);
  const port = [number(80, 2), number(443, 2), number(6, 1)].map((octets) => octets.toHex());
  assert.deepEqual(items.flatMap(({ values }) => values === undefined ? [] : [values]), [
    port,
    port,
    ["11", text("pod-1").toHex()],
  ]);
});
