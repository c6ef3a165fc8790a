import type { Bench } from "../bench.ts";
import { freePort } from "../../support/free_port.ts";
import { Child } from "../child.ts";
import type { Exchanged } from "../load/datagram_load.ts";
import { cpuSeconds } from "../process_usage.ts";
import { startBareDatagramRelay, startProxy, type StartRelay } from "../relays/relays.ts";
import { inTurn, type Row, row } from "../rows.ts";

const CONTENDERS: readonly { readonly what: string; readonly start: StartRelay }[] = [
  { what: "v2.0 to v1.15 over UDP", start: startProxy({ profile: "antrea/v1.15", transport: "udp" }) },
  { what: "bare receive and send", start: startBareDatagramRelay },
];

/** The part `udp`: datagrams of a message each, in and out. */
export async function measureDatagrams({ scale, directory, said }: Bench): Promise<Row[]> {
  const runs = await inTurn(CONTENDERS, scale.rounds, async ({ what, start }) => {
    const run = await measure(start, scale.datagrams, directory);
    said(`${what}: ${run.perCpuSecond.toFixed(1)} thousand datagrams a CPU second, ${run.lost} lost`);
    return run;
  });
  const [own, beside] = CONTENDERS.map(({ what: name }, index) => ({ name, runs: runs[index] ?? [] }));
  if (own === undefined || beside === undefined) return [];
  const figures = (key: "perCpuSecond" | "lost", { name, runs }: typeof own) => ({
    name,
    samples: runs.map((run) => run[key]),
  });
  return [
    row("udp", "thousand datagrams/CPU s", figures("perCpuSecond", own), {
      beside: figures("perCpuSecond", beside),
      goal: { of: "figure", limit: 60, atLeast: true },
    }),
    row("udp", "datagrams lost", figures("lost", own), {
      beside: figures("lost", beside),
      goal: { of: "figure", limit: 0 },
    }),
  ];
}

async function measure(
  start: StartRelay,
  datagrams: number,
  directory: string,
): Promise<{ perCpuSecond: number; lost: number }> {
  const children: Child[] = [];
  try {
    const port = freePort();
    const load = Child.deno("the load generator", "load/datagram_load.ts", [String(port), "antrea/v2.0"]);
    children.push(load);
    const relay = await start(port, Number(await load.line()), directory);
    children.push(relay);
    await load.ask(String(Math.ceil(datagrams / 5)));
    const cpuBefore = await cpuSeconds(relay.pid);
    const { sent, arrived }: Exchanged = JSON.parse(await load.ask(String(datagrams)));
    const cpu = await cpuSeconds(relay.pid) - cpuBefore;
    return { perCpuSecond: arrived / cpu / 1e3, lost: sent - arrived };
  } finally {
    for (const child of children) await child.end();
  }
}
