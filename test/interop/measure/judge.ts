/** Whether what a collector delivered is what an exporter sent. */
import type { Received } from "../peers/peers.ts";
import { type Line, templateOf } from "../peers/releases.ts";
import { defaultOf, type Flavour, numberOf, valueOf } from "../peers/values.ts";

export interface Pair {
  readonly agent: Line;
  readonly collector: Line;
}

export interface Judgement {
  /** Data records that the collecting process delivered. */
  readonly delivered: number;
  /** Of these, those whose fields are the collector's own list in its order. */
  readonly exact: number;
  /** Of these, those whose values are all right, each record counted once. */
  readonly correct: number;
}

/** Records with this number and above are not counted: they were sent to prepare the collector. */
export const uncounted = 1_000_000;

/** The value of an element in a record, as text. */
export type ValueOf = (name: string, number: number, flavour: Flavour) => string;

/** Counts the records in messages that an `agent` sent and a `collector` delivered. */
export function judge(
  { agent, collector }: Pair,
  received: readonly Received[],
  flavour: Flavour,
  value: ValueOf = valueOf,
): Judgement {
  let delivered = 0;
  let exact = 0;
  const correct = new Set<number>();
  for (const fields of received.flatMap((message) => message.records ?? [])) {
    const values = new Map(fields);
    const number = numberOf(values.get("flowStartSeconds"));
    if (number !== undefined && number >= uncounted) continue;
    delivered++;
    const family = values.has("sourceIPv4Address") ? "ipv4" : "ipv6";
    const expected = templateOf(collector, family);
    if (fields.length === expected.length && fields.every(([name], index) => name === expected[index])) exact++;
    if (
      number !== undefined &&
      isCorrect(values, templateOf(agent, family), expected, (name) => value(name, number, flavour))
    ) {
      correct.add(number);
    }
  }
  return { delivered, exact, correct: correct.size };
}

/**
 * Whether a record says what was sent: each field that was sent with its value, each other with its type's default,
 * and none missing that the collector expects and the exporter sent.
 */
function isCorrect(
  values: ReadonlyMap<string, string>,
  sent: readonly string[],
  expected: readonly string[],
  value: (name: string) => string,
): boolean {
  for (const [name, received] of values) {
    // Named pen/id: unknown to the collector, which passes its octets on.
    if (name.includes("/")) continue;
    if (received !== (sent.includes(name) ? value(name) : defaultOf(name))) return false;
  }
  return expected.every((name) => values.has(name) || !sent.includes(name));
}
