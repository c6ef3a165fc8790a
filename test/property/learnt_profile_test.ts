/**
 * Whatever templates a capture holds, the profile that is learnt from it lists them, and what an exporter of other
 * templates sends goes out in just their shape. Templates are written and read by `test/support/messages/wire.ts`,
 * which shares no code with `src`.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { SeenTemplates } from "../../src/offline/seen_templates.ts";
import { profileText } from "../../src/offline/profile_text.ts";
import { learnProfile } from "../../src/config/profiles/learnt_profile.ts";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import { isLengthOfType, isStructured, naturalLength } from "../../src/ipfix/types/abstract_data_type.ts";
import { type Dialect, DIALECTS, RFC7011 } from "../../src/mediation/mapping/profile/dialect.ts";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { history } from "../support/messages/antrea.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import {
  join,
  message,
  readMessages,
  readTemplates,
  set,
  templateSet,
  variable,
  type WireField,
  type WireTemplate,
} from "../support/messages/wire.ts";

const known = [...history.newest.elements()].filter(({ type }) => !isStructured(type));

/** Elements of every registry in every length that they may have. */
const knownField: fc.Arbitrary<WireField> = fc.tuple(fc.constantFrom(...known), fc.nat(8)).map(
  ([{ pen, id, type }, reduced]) => {
    const natural = naturalLength(type);
    const length = reduced > 0 && isLengthOfType(type, reduced) ? reduced : natural;
    return { pen, id, enterpriseBit: pen !== 0, length };
  },
);

/** Elements that no registry has. */
const unknownField: fc.Arbitrary<WireField> = fc.record({
  pen: fc.constantFrom(0, 9, 29305, 56506, 0xffffffff),
  id: fc.constantFrom(32000, 32001, 32767),
  length: fc.constantFrom(1, 6, 300, 65535),
}, { noNullPrototype: true }).map((field) => ({ ...field, enterpriseBit: field.pen !== 0 }));

/** Few elements again and again, so that templates are hard to tell apart. */
const commonField: fc.Arbitrary<WireField> = fc.constantFrom(8, 27, 148).map((id) => ({
  pen: 0,
  id,
  enterpriseBit: false,
  length: id === 27 ? 16 : id === 8 ? 4 : 8,
}));

const anyField = fc.oneof(knownField, unknownField, commonField);

interface Seen {
  readonly observationDomain: number;
  readonly template: WireTemplate;
}

/** Templates of some observation domains, none defined anew, some with the same fields. */
const capture = (fields: fc.Arbitrary<WireField[]>): fc.Arbitrary<readonly Seen[]> => {
  const place = fc.record({
    observationDomain: fc.constantFrom(0, 7, 0xffffffff),
    id: fc.integer({ min: 256, max: 300 }),
    layout: fc.nat(7),
  }, { noNullPrototype: true });
  const places = fc.uniqueArray(place, {
    minLength: 1,
    maxLength: 8,
    selector: ({ observationDomain, id }) => `${observationDomain}/${id}`,
  });
  return fc.tuple(fc.array(fields, { minLength: 1, maxLength: 6 }), places).map(([layouts, seen]) =>
    seen.map(({ observationDomain, id, layout }) => ({
      observationDomain,
      template: { id, scope: 0, fields: layouts[layout % layouts.length] ?? [] },
    }))
  );
};

async function learn(seen: readonly Seen[], dialect: Dialect = RFC7011) {
  const templates = new SeenTemplates();
  for (const { observationDomain, template } of seen) {
    await templates.take(message({ observationDomain }, templateSet(template)));
  }
  const learnt = learnProfile(templates.templates, "learnt", dialect);
  return { learnt, profile: loadProfile("learnt.yaml", () => profileText(learnt, "a capture")) };
}

/** The fields as the wire has them. */
const shape = (fields: readonly WireField[]) =>
  fields.map(({ pen, id, length, enterpriseBit }) => `${enterpriseBit ? "e" : ""}${pen}/${id}:${length}`).join(" ");

const withoutLengths = (text: string) => text.replaceAll(/:\d+/g, "");

const shapesOf = ({ templates }: Profile) =>
  templates.map(({ fields }) =>
    shape(fields.map(({ element: { pen, id, enterpriseBit }, length }) => ({ pen, id, enterpriseBit, length })))
  );

Deno.test("the learnt profile lists each layout of the capture once: elements, lengths, order of fields", async () => {
  await fc.assert(fc.asyncProperty(capture(fc.array(anyField, { minLength: 1, maxLength: 12 })), async (seen) => {
    const { learnt, profile } = await learn(seen);
    const shapes = [...new Set(seen.map(({ template }) => shape(template.fields)))];
    assert.deepEqual(profile.templates.map(({ name }) => name), [...new Set(learnt.templates.map(({ name }) => name))]);
    assert.deepEqual(shapesOf(profile), shapes, "in the order in which they were seen");
    const elements = shapes.map((one) => withoutLengths(one).split(" ").sort().join());
    assert.equal(learnt.notes.length, elements.filter((one, index) => elements.indexOf(one) < index).length);
  }));
});

Deno.test("for every dialect, a learnt profile is one that can be loaded", async () => {
  const dialect = fc.constantFrom(...DIALECTS.values());
  const odd = fc.record({
    pen: fc.constantFrom(0, 56506, 64512),
    id: fc.nat(500),
    enterpriseBit: fc.constant(true),
    length: fc.oneof(fc.nat(20), fc.nat(65535)),
  }, { noNullPrototype: true });
  const fields = fc.array(fc.oneof(anyField, odd), { minLength: 1, maxLength: 12 }).map((
    list,
  ) => [{ pen: 0, id: 8, enterpriseBit: false, length: 4 }, ...list]);
  await fc.assert(fc.asyncProperty(capture(fields), dialect, async (seen, chosen) => {
    const { learnt, profile } = await learn(seen, chosen);
    assert.deepEqual([profile.name, profile.dialect, profile.registry.name], ["learnt", chosen, learnt.registry]);
    assert.ok(profile.templates.length > 0);
  }));
});

Deno.test("through the proxy, an exporter's templates come to what the capture says, whatever they lack, add or move", async () => {
  const unique = fc.uniqueArray(anyField, { minLength: 1, maxLength: 12, selector: ({ pen, id }) => `${pen}/${id}` });
  const changes = fc.array(
    fc.record({ field: fc.nat(11), to: fc.nat(11), drop: fc.boolean() }, { noNullPrototype: true }),
    {
      maxLength: 6,
    },
  );
  await fc.assert(
    fc.asyncProperty(capture(unique), fc.array(changes, { minLength: 8, maxLength: 8 }), async (seen, lists) => {
      const { learnt, profile } = await learn(seen);
      const elements = new Set(shapesOf(profile).map(withoutLengths));
      const selecting = profile.templates.flatMap(({ selectedBy, not = [] }) =>
        [...selectedBy, ...not].map(({ pen, id }) => `${pen}/${id}`)
      );
      const input: Uint8Array[] = [];
      const wanted: (string | undefined)[] = [];
      learnt.templates.forEach(({ selectedBy }, index) => {
        const own = profile.templates[index]?.fields ?? [];
        let fields: WireField[] = own.map(({ element: { pen, id, enterpriseBit }, length }) => ({
          pen,
          id,
          enterpriseBit,
          length,
        }));
        for (const { field, to, drop } of lists[index] ?? []) {
          const [one] = fields.splice(field % fields.length, 1);
          if (one === undefined) continue;
          // The elements that select lists stay, or the template would be another.
          if (!drop || selecting.includes(`${one.pen}/${one.id}`)) fields.splice(to % (fields.length + 1), 0, one);
        }
        fields = [{ pen: 4711, id: 1, enterpriseBit: true, length: 65535 }, ...fields];
        input.push(message({}, templateSet({ id: 256 + index, scope: 0, fields })));
        // Only its own template follows a list that no elements tell apart from another.
        wanted.push(selectedBy.length === 0 ? undefined : shapesOf(profile)[index]);
      });
      const { session } = openSession(profile);
      const { output } = rewriteAll(session, join(...input));
      const found = readMessages(output).flatMap(({ sets }) => sets.flatMap((set) => readTemplates(set).templates));
      session.close();
      assert.equal(found.length, wanted.length);
      found.forEach(({ fields }, index) => {
        if (wanted[index] !== undefined) assert.equal(shape(fields), wanted[index]);
        else assert.ok(elements.has(withoutLengths(shape(fields))), "another list's elements, in its order");
      });
    }),
  );
});

/** Octets for a field of this length in a record, as if drawn from `seed`. */
function valueOf({ length }: WireField, seed: number): Uint8Array {
  const octets = (count: number) => Uint8Array.from({ length: count }, (_, index) => (seed * 31 + index * 7) & 0xff);
  return length === 65535 ? variable(octets(seed % 5)) : octets(length);
}

Deno.test("any capture through its own learnt profile is octet-equal, whatever its templates have", async () => {
  const oddField: fc.Arbitrary<WireField> = fc.record({
    pen: fc.constantFrom(0, 56506, 29305, 64512),
    id: fc.constantFrom(1, 4, 8, 27, 48, 82, 116, 210, 291, 32000),
    enterpriseBit: fc.constant(true),
    length: fc.constantFrom(0, 1, 2, 4, 6, 9, 16, 300, 65535),
  }, { noNullPrototype: true });
  const plainField = oddField.map((field) => ({ ...field, pen: 0, enterpriseBit: false }));
  const fields = fc.array(fc.oneof(anyField, oddField, plainField), { minLength: 1, maxLength: 8 })
    .map((list) => [{ pen: 0, id: 4, enterpriseBit: false, length: 1 }, ...list]);
  const step = fc.record({
    observationDomain: fc.constantFrom(0, 7),
    id: fc.integer({ min: 256, max: 259 }),
    layout: fc.nat(5),
    scope: fc.nat(2),
    seeds: fc.array(fc.nat(255), { maxLength: 3 }),
  }, { noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fields, { minLength: 1, maxLength: 5 }),
      fc.array(step, { minLength: 1, maxLength: 8 }),
      async (layouts, steps) => {
        const sent = new Map<number, number>();
        const capture = steps.map(({ observationDomain, id, layout, scope, seeds }) => {
          const template = { id, scope, fields: layouts[layout % layouts.length] ?? [] };
          const records = seeds.map((seed) => join(...template.fields.map((field) => valueOf(field, seed))));
          const sets = records.length === 0 ? [] : [set(id, join(...records))];
          const sequenceNumber = sent.get(observationDomain) ?? 0;
          sent.set(observationDomain, sequenceNumber + records.length);
          return message({ observationDomain, sequenceNumber }, templateSet(template), ...sets);
        });
        const templates = new SeenTemplates();
        for (const octets of capture) await templates.take(octets);
        const learnt = learnProfile(templates.templates, "learnt", RFC7011);
        const profile = loadProfile("learnt.yaml", () => profileText(learnt, "a capture"));
        const { session } = openSession(profile);
        const { output } = rewriteAll(session, join(...capture));
        session.close();
        assert.equal(output.toHex(), join(...capture).toHex());
      },
    ),
  );
});
