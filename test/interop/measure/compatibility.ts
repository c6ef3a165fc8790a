/** The measured compatibility of Antrea's releases, kept as data in `config/compatibility/antrea.json`. */
import { z } from "zod";
import { type Measurement, type MeasureOptions, measurePair, type Scenario } from "./measure_pair.ts";
import { agentLines, collectorLines, goIpfixReleases } from "../peers/releases.ts";

const file = new URL("../../../config/compatibility/antrea.json", import.meta.url);
/** More at once only makes them wait for the processor. */
const pairsAtOnce = 2;
const records = 50;

const measurementSchema = z.strictObject({
  agent: z.string(),
  agentGoIpfix: z.string(),
  collector: z.string(),
  collectorGoIpfix: z.string(),
  scenario: z.enum(["fresh", "known"]),
  sent: z.number(),
  delivered: z.number(),
  exact: z.number(),
  correct: z.number(),
  closed: z.boolean(),
  panic: z.string().nullable(),
});

const compatibilitySchema = z.strictObject({
  /** How to measure it again, and the go-ipfix releases that it was measured with. */
  measured: z.strictObject({ command: z.string(), goIpfix: z.array(z.string()) }),
  /** Exporter straight to collector. */
  direct: z.array(measurementSchema),
  /** The same pairs with the proxy in between. */
  proxied: z.array(measurementSchema),
});

export type Compatibility = z.infer<typeof compatibilitySchema>;

/** @throws {Error} if the file is missing or has another shape */
export async function readCompatibility(): Promise<Compatibility> {
  return compatibilitySchema.parse(JSON.parse(await Deno.readTextFile(file)));
}

export async function writeCompatibility(measurements: Pick<Compatibility, "direct" | "proxied">): Promise<void> {
  const content: Compatibility = {
    measured: {
      command: "deno run -A test/interop/measure/measure.ts --record",
      goIpfix: goIpfixReleases.map(({ version }) => version),
    },
    ...measurements,
  };
  await Deno.mkdir(new URL(".", file), { recursive: true });
  await Deno.writeTextFile(file, `${JSON.stringify(content, null, 2)}\n`);
}

/** Every Agent line with every collector line, in both scenarios; straight, or through `via`. */
export async function measureAll(
  options: Omit<MeasureOptions, "scenario" | "records">,
): Promise<Measurement[]> {
  const scenarios: readonly Scenario[] = ["fresh", "known"];
  const runs = agentLines.flatMap((agent) =>
    collectorLines.flatMap((collector) => scenarios.map((scenario) => ({ agent, collector, scenario })))
  );
  const results: Measurement[] = new Array(runs.length);
  let next = 0;
  const worker = async () => {
    while (next < runs.length) {
      const index = next++;
      const run = runs[index];
      if (run !== undefined) results[index] = await measurePair(run, { ...options, scenario: run.scenario, records });
    }
  };
  await Promise.all(Array.from({ length: pairsAtOnce }, worker));
  return results;
}

/** A measurement in the words of the table: `50/0`, `0 closed`, `19 garbage, panic`. */
export function outcome({ delivered, exact, correct, closed, panic }: Measurement): string {
  const parts = correct < delivered ? [`${delivered} garbage`] : [delivered === 0 ? "0" : `${delivered}/${exact}`];
  if (panic !== null) parts.push("panic");
  else if (closed) parts.push("closed");
  return parts.join(", ");
}

/** One row per Agent, one column per collector, as Markdown; `known` is told where it differs from `fresh`. */
export function table(measurements: readonly Measurement[]): string {
  const collectors = collectorLines.map(({ name }) => name);
  const cell = (agent: string, collector: string): string => {
    const of = measurements.filter((one) => one.agent === agent && one.collector === collector);
    const [fresh, known] = of.map(outcome);
    return fresh === known || known === undefined ? fresh ?? "" : `fresh ${fresh}; known ${known}`;
  };
  const rows = agentLines.map(({ name }) => [name, ...collectors.map((collector) => cell(name, collector))]);
  const lines = [["Agent ↓ collector →", ...collectors], collectors.concat("").map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
