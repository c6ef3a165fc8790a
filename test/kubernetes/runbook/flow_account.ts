/** What has become of every flow that Agents sent: compared at the collectors, value by value. */
import { judge } from "../../interop/judge.ts";
import { line } from "../../interop/releases.ts";
import { numberOf } from "../../interop/values.ts";
import type { PlayedCluster } from "./played_cluster.ts";

/** Numbers of flows. */
export interface Account {
  readonly sent: number;
  /** Each flow once. */
  readonly arrived: ReadonlySet<number>;
  /** Delivered more than once. */
  readonly twice: readonly number[];
  /** Delivered with other fields than the collector's list, or with wrong values. */
  readonly wrong: readonly number[];
}

/** Looks at all that the collectors have delivered so far. */
export function accountOf({ aggregators, sent }: PlayedCluster): Account {
  const arrived = new Set<number>();
  const [twice, wrong]: [number[], number[]] = [[], []];
  for (const { collector: { received }, release } of aggregators) {
    for (const message of received) {
      for (const record of message.records ?? []) {
        const number = numberOf(new Map(record).get("flowStartSeconds")) ?? -1;
        const agent = sent.get(number);
        if (agent === undefined) {
          wrong.push(number);
          continue;
        }
        if (arrived.has(number)) twice.push(number);
        arrived.add(number);
        const pair = { agent: line(agent), collector: line(release) };
        const { exact, correct } = judge(pair, [{ ...message, records: [record] }], "typical");
        if (exact !== 1 || correct !== 1) wrong.push(number);
      }
    }
  }
  return { sent: sent.size, arrived, twice, wrong };
}
