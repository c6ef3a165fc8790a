/** Sends what an Agent of one release sends, as a real exporting process of that release. */
import type { LineProcess } from "../../support/processes/line_process.ts";
import type { Exporter } from "./peers.ts";
import { type Family, type Line, templateOf } from "./releases.ts";
import { type Flavour, valueOf } from "./values.ts";

/** What shows that a message has done something, such as a collector. */
export interface Target {
  readonly process: LineProcess;
  /** How many messages it has delivered or refused. */
  effects(): number;
}

export interface Records {
  /** The release whose templates and records these are. */
  readonly from: Line;
  readonly count: number;
  readonly flavour: Flavour;
  /** Number of the first record, 0 by default. */
  readonly first?: number;
}

const families: readonly Family[] = ["ipv4", "ipv6"];
/** How long a message may take to show any effect, milliseconds. Only those that have none take so long. */
const unnoticed = 250;
/** How long to wait for messages that had no effect when they should have, before they count as lost. */
const lost = 5_000;

/**
 * Sends both templates, and records of the two by turns. Each message waits for what the one before did to the target,
 * so that what a collector that dies had delivered until then is the same every time.
 *
 * @returns whether the exporter lost its connection
 * @throws {Error} if the exporting process refuses a template or record for another reason
 */
export async function sendRecords(exporter: Exporter, target: Target, records: Records): Promise<boolean> {
  const { from, count, flavour, first = 0 } = records;
  const before = target.effects();
  let messages = 0;
  const step = async (send: () => ReturnType<Exporter["send"]>): Promise<boolean> => {
    const expected = target.effects() + 1;
    const { error } = await send();
    if (error !== undefined) {
      if (!/broken pipe|reset|closed|refused/.test(error)) throw new Error(`${from.name}: ${error}`);
      return false;
    }
    messages++;
    await target.process.until(() => target.effects() >= expected, unnoticed);
    return target.process.ending === undefined;
  };
  const lists = families.map((family) => templateOf(from, family));
  for (const names of lists) {
    if (!await step(() => exporter.announce(names))) return true;
  }
  for (let number = 0; number < count; number++) {
    const names = lists[number % 2] ?? [];
    const values = names.map((name) => valueOf(name, first + number, flavour));
    if (!await step(() => exporter.send(256 + number % 2, values))) return true;
  }
  await target.process.until(() => target.effects() >= before + messages, lost);
  return false;
}
