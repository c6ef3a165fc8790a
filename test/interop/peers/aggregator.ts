/** A Flow Aggregator in small: what it receives, an exporting process of its own release sends on by position. */
import { z } from "zod";
import { judge, type Judgement, type Pair } from "../measure/judge.ts";
import type { LineProcess } from "../../support/processes/line_process.ts";
import type { MeasureOptions } from "../measure/measure_pair.ts";
import {
  announcement,
  answerSchema,
  Collector,
  connectedSchema,
  Exporter,
  lineOf,
  listeningSchema,
  startPeer,
} from "./peers.ts";
import { type Family, type Line, templateOf } from "./releases.ts";
import { PATIENCE } from "../../support/time/until.ts";
import { sendRecords } from "./send_records.ts";

const families: readonly Family[] = ["ipv4", "ipv6"];

const aggregatedSchema = z.object({
  aggregated: z.number(),
  octets: z.number().optional(),
  error: z.string().optional(),
});

/** What became of one record: `octets` were sent on, or `error` says why not. */
export type Aggregated = z.infer<typeof aggregatedSchema>;

/** Collecting process and, behind it, exporting process of one release with that release's own templates. */
export class Aggregator implements AsyncDisposable {
  readonly process: LineProcess;
  /** Where it listens, `host:port`. */
  readonly address: string;
  readonly #before: number;

  private constructor(process: LineProcess, address: string) {
    this.process = process;
    this.address = address;
    this.#before = process.stdout.length;
  }

  /** Starts one that sends what it aggregates to the collector at `output`. */
  static async start(release: Line, output: string): Promise<Aggregator> {
    const process = await startPeer(release.goIpfix, ["aggregate", "--collector", output]);
    const what = `aggregator ${release.name}`;
    connectedSchema.parse(await lineOf(process, 0, what));
    for (const [index, family] of families.entries()) {
      await process.write(JSON.stringify(announcement(templateOf(release, family))));
      const { error } = answerSchema.parse(await lineOf(process, 1 + index, what));
      if (error !== undefined) throw new Error(`${what}: ${error}`);
    }
    // No template: begin to collect.
    await process.write("{}");
    const { listening } = listeningSchema.parse(await lineOf(process, 1 + families.length, what));
    return new Aggregator(process, listening);
  }

  /** How many messages it has received. */
  get count(): number {
    return this.process.stdout.length - this.#before;
  }

  /** What became of each record so far. */
  get aggregated(): Aggregated[] {
    const lines = this.process.stdout.slice(this.#before);
    return lines.filter((line) => line.startsWith('{"aggregated"')).map((line) =>
      aggregatedSchema.parse(JSON.parse(line))
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
  }
}

/** What a Flow Aggregator gave out of what an Agent sent it. */
export interface Aggregation extends Judgement {
  /** Its complaints, one for each record that it did not send on. */
  readonly errors: readonly string[];
}

/** Sends records of one release to an aggregator of another, and judges what a second collector reads at its output. */
export async function measureAggregation(
  pair: Pair,
  options: Pick<MeasureOptions, "records" | "flavour" | "via">,
): Promise<Aggregation> {
  const { goIpfix } = pair.collector;
  await using output = await Collector.start(goIpfix);
  await using aggregator = await Aggregator.start(pair.collector, output.address);
  const between = await options.via?.(aggregator.address, pair.collector);
  try {
    await using exporter = await Exporter.start(pair.agent.goIpfix, between?.address ?? aggregator.address);
    const target = { process: aggregator.process, effects: () => aggregator.count };
    await sendRecords(exporter, target, { from: pair.agent, count: options.records, flavour: options.flavour });
    await exporter.close();
    const { aggregated } = aggregator;
    const errors = aggregated.flatMap(({ error }) => error ?? []);
    const sentOn = families.length + aggregated.length - errors.length;
    await output.process.until(() => output.count >= sentOn, PATIENCE);
    return { ...judge(pair, output.received, options.flavour), errors };
  } finally {
    // Some releases never close their side of a connection, which the proxy waits for: they go first.
    await aggregator.process.kill();
    await between?.close();
  }
}
