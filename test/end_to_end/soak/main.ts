/**
 * A fleet of Agents over TCP, TLS and UDP, a collector, the proxy between them, and one fault after the other: `deno
 * task soak --help`.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { writeLine } from "../../../src/terminal/terminal.ts";
import { PROFILE } from "../peers/fleet.ts";
import { OUTCOMES, PADDING, RELEASES } from "../chains.ts";
import { Identities } from "../peers/identities.ts";
import { type ProxyConfiguration, ProxyProcess, type Transport } from "../proxy.ts";
import { moment, say } from "../support.ts";
import { type Agent, DatagramAgent, StreamAgent } from "./agent.ts";
import { choose, FAULTS, LONG_STALL, MortalCollector, type Scene } from "./faults.ts";
import { judge, type Verdict } from "./report.ts";

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly agents: number;
  readonly collector: "tcp" | "tls";
  readonly only?: string;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("Allowed: numbers above 0.");
  return value;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

async function soak(options: Options): Promise<Verdict> {
  await using identities = await Identities.create();
  const { authority, aggregator, agent } = identities;
  const transport = options.collector;
  const layouts = OUTCOMES.flatMap(({ layouts }) => layouts);
  const pem = transport === "tls" ? { ...aggregator, ca: authority.pem } : {};
  const collector = await MortalCollector.start({ transport, ...pem, layouts });
  const configuration: ProxyConfiguration = {
    listen: [{ transport: "tcp" }, { transport: "tls", tls: await identities.listener() }, { transport: "udp" }],
    collector: {
      transport,
      port: collector.port,
      profile: PROFILE,
      ...(transport === "tls" ? { tls: await identities.collector() } : {}),
    },
    limits: { partialMessage: "5s" },
    ...(PADDING === undefined ? {} : { plugins: PADDING }),
  };
  await using proxy = await ProxyProcess.start(configuration);
  const identity = () => ({ issued: agent, ca: authority.pem });
  const agents: Agent[] = [];
  for (let number = 0; number < options.agents; number++) {
    const release = RELEASES[number % RELEASES.length] ?? PROFILE;
    const listener: Transport = (["tcp", "tls", "tcp", "tls", "udp"] as const)[number % 5] ?? "tcp";
    const port = proxy.port(["tcp", "tls", "udp"].indexOf(listener));
    if (listener === "udp") {
      const one = new DatagramAgent(number, release, port);
      one.connect();
      agents.push(one);
    } else {
      const one = new StreamAgent(number, release, port, listener === "tls" ? identity : () => undefined);
      await one.connect();
      agents.push(one);
    }
  }
  const random = randomFrom(options.seed);
  const faults = FAULTS.filter(({ name }) => options.only === undefined || name === options.only);
  const scene: Scene = { proxy, collector, agents, identities, configuration, random };
  await collector.now.untilRecords(options.agents * 50);
  const injected = new Map<string, number>();
  const memory: number[] = [];
  const begin = performance.now();
  const end = begin + options.minutes * 60_000;
  let longStall = options.minutes >= 2 && options.only === undefined;
  while (performance.now() < end) {
    const half = performance.now() > (begin + end) / 2;
    const fault = longStall && half ? LONG_STALL : choose(faults, random);
    if (fault === LONG_STALL) longStall = false;
    injected.set(fault.name, (injected.get(fault.name) ?? 0) + 1);
    await fault.inject(scene);
    await moment(random() * 1_000);
    memory.push((await proxy.metrics()).residentMegabytes);
  }
  for (const one of agents) await one.stop();
  return await judge({ proxy, collector, agents, injected, memory });
}

const program = new Command("soak")
  .description(
    "Injects random faults into a proxy under load, and accounts for every record in the end. Exit status 1 where one was lost that a " +
      "direct connection keeps, came wrong, twice or out of order.",
  )
  .option("--minutes <number>", "how long faults are injected", positive, 5)
  .option("--seed <number>", "the same faults in the same order", positive, Date.now() % 1_000_000)
  .option("--agents <number>", "of them two fifths over tcp, two over tls, one over udp", positive, 15)
  .addOption(new Option("--collector <transport>", "how it is reached").choices(["tcp", "tls"]).default("tls"))
  .addOption(new Option("--only <fault>", "no other").choices(FAULTS.map(({ name }) => name)))
  .action(async (options: Options) => {
    say(`seed ${options.seed}`);
    const { lines, right } = await soak(options);
    for (const line of lines) await writeLine(line);
    Deno.exit(right ? 0 : 1);
  });

await program.parseAsync(Deno.args, { from: "user" });
