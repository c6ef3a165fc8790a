import {
  type AbstractDataType,
  definePlugin,
  type MappedField,
  type SessionFact,
  z,
} from "@ipfix-skew-proxy/proxy/plugin";

const name = "annotate-exporter";

/** The elements by which a mediator says whose records these are (RFC 7119 §5, §6; PEN 0). */
const FACTS: readonly { id: number; type: AbstractDataType; fact: SessionFact; family?: 4 | 6 }[] = [
  { id: 403, type: "ipv4Address", fact: "exporterIPv4Address", family: 4 },
  { id: 404, type: "ipv6Address", fact: "exporterIPv6Address", family: 6 },
  { id: 405, type: "unsigned32", fact: "observationDomainId" },
];

/**
 * Adds the exporter's address and observation domain to every record, where the collector knows their elements. See
 * README.md.
 */
export default definePlugin({
  name,
  summary: "adds originalExporterIPv4Address or originalExporterIPv6Address, and originalObservationDomainId",
  options: z.strictObject({}),
  create: () => ({
    name,
    rewrite(mapping, { profile, expected, exporterFamily }) {
      if (mapping.source.scopeFieldCount > 0) return mapping;
      const added = FACTS.flatMap(({ id, type, fact, family }): MappedField[] => {
        if (family !== undefined && family !== exporterFamily) return [];
        const isIt = ({ element }: MappedField["target"]) =>
          element.id === id && element.pen === 0 && !element.enterpriseBit;
        // A collector that decodes by position must get its own list and nothing else.
        const element = expected === undefined ? profile.registry.lookup(0, id) : expected.fields.find(isIt)?.element;
        if (element?.type !== type) return [];
        // A value that came in, from this exporter or from a mediator before us, is never altered.
        if ([...mapping.source.fields, ...mapping.fields.map(({ target }) => target)].some(isIt)) return [];
        return [{ target: { element, length: element.length }, value: { from: "session", fact }, by: name }];
      });
      return added.length === 0 ? mapping : { ...mapping, fields: [...mapping.fields, ...added] };
    },
  }),
});
