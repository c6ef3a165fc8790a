import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import type { Bench } from "../bench.ts";
import { Child } from "../child.ts";
import type { Load } from "../load/load.ts";
import { startProxy } from "../relays/relays.ts";
import { type Goal, inTurn, type Row, row } from "../rows.ts";
import { type Contender, measureStream } from "../load/stream.ts";

const [OLDER, NEWER] = ["antrea/v1.15", "antrea/v2.0"];
const AGENT = { families: "both", recordsPerMessage: 1 } as const;

/** One thread does best: with more, go-ipfix' goroutines hand every message over between threads. */
const ONE_THREAD = { env: { GOMAXPROCS: "1" } };

/**
 * The part `records`: records that a whole program takes for each second of CPU, beside programs made with go-ipfix.
 */
export async function measureRecords({ scale, go, directory, said }: Bench): Promise<Row[]> {
  const proxy: Contender = { what: "v2.0 to v1.15", start: startProxy({ profile: OLDER }) };
  const slow = { warmUp: scale.slowWarmUp, octets: scale.slowOctets };
  const cases: [Contender, Load, Goal?][] = [
    [proxy, { profile: NEWER, ...AGENT, warmUp: scale.warmUp, octets: scale.octets }],
  ];
  if (go !== undefined) {
    const { collect, mediate } = go;
    const templates = JSON.stringify(
      loadProfile(OLDER).templates.map(({ fields }) =>
        fields.map(({ element }) => ({ name: element.name, pen: element.pen }))
      ),
    );
    cases.push(
      [
        {
          what: "go-ipfix v0.8.2 collecting process",
          collects: true,
          start: (port) => Promise.resolve(new Child("go-ipfix v0.8.2", collect, [String(port)], ONE_THREAD)),
        },
        { profile: OLDER, ...AGENT, ...slow },
        { of: "ratio", limit: 15, atLeast: true },
      ],
      [
        {
          what: "mediator made with go-ipfix v0.17.0",
          start: (port, collector) =>
            Promise.resolve(
              new Child("the mediator", mediate, [String(port), String(collector), templates], ONE_THREAD),
            ),
        },
        { profile: NEWER, ...AGENT, ...slow },
        { of: "ratio", limit: 25, atLeast: true },
      ],
    );
  }
  const samples = await inTurn(cases, scale.rounds, async ([contender, load]) => {
    const { records, cpuSeconds } = await measureStream(contender, load, directory);
    said(`${contender.what}: ${(records / cpuSeconds / 1e3).toFixed(0)} thousand records a CPU second`);
    return records / cpuSeconds / 1e3;
  });
  const figures = cases.map(([{ what: name }], index) => ({ name, samples: samples[index] ?? [] }));
  const [own, ...others] = figures;
  if (own === undefined) return [];
  const unit = "thousand records/CPU s";
  if (others.length === 0) return [row("records", unit, own)];
  return others.map((beside, index) => {
    const goal = cases[index + 1]?.[2];
    return row("records", unit, own, { beside, goal });
  });
}
