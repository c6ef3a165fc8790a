import { isStructured, naturalLength, VARIABLE_LENGTH } from "../../../src/ipfix/types/abstract_data_type.ts";
import type { InformationElement } from "../../../src/ipfix/registry/information_element.ts";
import { ERAS, history } from "../../support/messages/antrea.ts";
import { field, type WireField } from "../../support/messages/wire.ts";
import type { Random } from "./random.ts";

const ALL = [...history.newest.elements()];
const isReference = ({ pen, id, type }: InformationElement) =>
  isStructured(type) || (pen === 0 && (id === 145 || id === 173));
const KNOWN = ALL.filter((element) => !isReference(element));
const ANTREA = KNOWN.filter(({ pen }) => pen === 56506);
const VARIABLE = KNOWN.filter(({ type }) => naturalLength(type) === VARIABLE_LENGTH);
/** One element of each type, so that rare types come as often as common ones. */
const BY_TYPE = [...Map.groupBy(KNOWN, ({ type }) => type).values()];
/** Values that refer to templates: lists (RFC 6313), template ids, flow keys. */
const REFERENCES = ["0/291", "0/292", "0/293", "0/291", "0/292", "0/293", "0/145", "0/173"];
const ODD_LENGTHS = [0, 1, 2, 3, 4, 5, 8, 9, 16, 40, 254, 255, 256, 300, 2000, 65534, VARIABLE_LENGTH];

/** The fields of the Agents of every era. */
const ERA_LISTS: readonly (readonly WireField[])[] = ERAS.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]).map((names) =>
  names.map((name) => {
    const { pen, id } = field(name, 0);
    return field(name, history.newest.lookup(pen, id)?.length ?? 4);
  })
);

/** A field of any element in any length, most of them right. */
export function drawField(random: Random): WireField {
  const kind = random.below(20);
  if (kind < 3) {
    const name = random.pick(REFERENCES);
    const natural = name === "0/145" ? 2 : name === "0/173" ? 8 : VARIABLE_LENGTH;
    return field(name, random.oneIn(8) ? random.pick(ODD_LENGTHS) : natural);
  }
  if (kind === 3) return unknownField(random);
  const pool = kind < 8 ? KNOWN : kind < 12 ? ANTREA : kind < 15 ? VARIABLE : random.pick(BY_TYPE);
  const { pen, id, type } = random.pick(pool);
  const own = { pen, id, enterpriseBit: pen !== 0 };
  const natural = naturalLength(type);
  if (random.oneIn(12)) return { ...own, length: random.pick(ODD_LENGTHS) };
  if (natural !== VARIABLE_LENGTH && natural > 1 && random.oneIn(5)) {
    return { ...own, length: random.between(1, natural) };
  }
  return { ...own, length: natural };
}

function unknownField(random: Random): WireField {
  const pen = random.pick([64512, 0, 29305, 0xffffffff]);
  const enterpriseBit = pen !== 0 || random.oneIn(2);
  return { pen, id: random.pick([0, 1, 2, 32000, 32767]), enterpriseBit, length: random.pick(ODD_LENGTHS) };
}

/** The fields of a template: an Agent's list, changed in places, or any. */
export function drawFields(random: Random): WireField[] {
  if (random.oneIn(2)) return random.list(random.between(1, random.oneIn(20) ? 400 : 9), () => drawField(random));
  const fields = [...random.pick(ERA_LISTS)];
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(fields.length);
    const change = random.below(4);
    if (change === 0) fields.splice(at, 1);
    else if (change === 1) fields.splice(at, 0, drawField(random));
    else if (change === 2) fields.splice(at, 0, ...fields.splice(random.below(fields.length), 1));
    else fields[at] = { ...(fields[at] ?? drawField(random)), length: random.pick(ODD_LENGTHS) };
  }
  return fields;
}
