import { definePlugin, expectedPlaces, z } from "@ipfix-skew-proxy/proxy/plugin";

const name = "match-order";

/** Puts the fields in the collector's order; those that it does not list come after, in their own. See README.md. */
export default definePlugin({
  name,
  summary: "puts the fields in the collector's order",
  options: z.strictObject({}),
  create: () => ({
    name,
    rewrite(mapping, { expected }) {
      if (expected === undefined || mapping.source.scopeFieldCount > 0) return mapping;
      const { length } = expected.fields;
      const places = expectedPlaces(mapping.fields.map(({ target }) => target), expected.fields);
      const ordered = mapping.fields
        .map((field, position) => ({ field, position, place: places[position] ?? length }))
        .sort((one, other) => one.place - other.place || one.position - other.position);
      if (ordered.every(({ position }, index) => position === index)) return mapping;
      return {
        ...mapping,
        fields: ordered.map(({ field, position }, index) =>
          // Who gave the value says more than who moved it.
          position === index || field.by !== undefined ? field : { ...field, by: name }
        ),
      };
    },
  }),
});
