import assert from "node:assert/strict";
import { rfc7011 } from "../../../test/support/messages/antrea.ts";
import { rewriteAll } from "../../../test/support/rewrite_all.ts";
import { mediatorOf } from "../../../test/support/session.ts";
import { field, message, number, set, templateSet } from "../../../test/support/messages/wire.ts";
import type { Profile } from "../mapping/profile/profile.ts";

const announce = (...fields: readonly ReturnType<typeof field>[]) =>
  message({ observationDomain: 0 }, templateSet({ id: 1024, scope: 0, fields }));
const [one, other] = [announce(field("0/8", 4), field("0/1", 8)), announce(field("0/1", 8), field("0/8", 4))];
const withdrawal = message({ observationDomain: 0 }, set(2, number(1024 * 0x10000, 4)));

/** Opens two sessions of one mediator; what each is sent in turn, and the collisions that are told. */
function collisions(profile: Profile, ...steps: readonly (readonly [session: 0 | 1, octets: Uint8Array | "close"])[]) {
  const told: string[] = [];
  const mediator = mediatorOf(profile);
  const sessions = [0, 1].map((name) =>
    mediator.open({
      reliable: true,
      notify: (event) => event.event === "template_collision" && told.push(`${name}: ${event.message.slice(0, 40)}`),
    })
  );
  for (const [index, octets] of steps) {
    const session = sessions[index] ?? assert.fail();
    if (octets === "close") session.close();
    else rewriteAll(session, octets);
  }
  return told;
}

const WARNING = "1: template 1024 of observation domain 0 ha";

Deno.test("two sessions with different layouts under one id are warned of, once, by the later one", () => {
  assert.deepEqual(collisions(rfc7011, [0, one], [1, other], [1, other], [0, one]), [WARNING]);
  assert.deepEqual(collisions(rfc7011, [0, one], [1, one]), [], "one layout");
});

Deno.test("what has been withdrawn, or ended with its session, collides with nothing", () => {
  assert.deepEqual(collisions(rfc7011, [0, one], [0, withdrawal], [1, other]), []);
  assert.deepEqual(collisions(rfc7011, [0, one], [0, "close"], [1, other]), []);
});

Deno.test("nothing is warned of where the scope is known", () => {
  const { templateScopeAssumed: _, ...known } = rfc7011.dialect;
  assert.deepEqual(collisions({ ...rfc7011, dialect: known }, [0, one], [1, other]), []);
  const shared = { ...known, templateScope: "observation-domain" } as const;
  assert.deepEqual(collisions({ ...rfc7011, dialect: shared }, [0, one], [1, other]), []);
});
