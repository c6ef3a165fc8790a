/** What a soak does to a proxy, its collector and its Agents. */
import { randomBytes } from "node:crypto";
import { PADDING, STRIPPING } from "../chains.ts";
import { CollectorProcess } from "../peers/collector.ts";
import type { CollectorProcessOptions } from "../peers/collector_process.ts";
import { connectExporter, DatagramExporter } from "../peers/exporter.ts";
import { FlowMessages } from "../peers/flows.ts";
import { startHostile } from "../peers/hostile.ts";
import { HOSTILITIES, type Hostility } from "../peers/hostile_process.ts";
import { AGGREGATOR, type Identities } from "../peers/identities.ts";
import type { ProxyConfiguration, ProxyProcess } from "../proxy.ts";
import { moment } from "../support.ts";
import type { Agent } from "./agent.ts";

/** A collector that is killed and comes back on the same port; all its lives are remembered. */
export class MortalCollector {
  readonly lives: CollectorProcess[] = [];
  #spare: CollectorProcess;

  private constructor(readonly options: CollectorProcessOptions, public port: number) {
    this.#spare = new CollectorProcess(options);
  }

  static async start(options: CollectorProcessOptions): Promise<MortalCollector> {
    const mortal = new MortalCollector(options, 0);
    mortal.port = await mortal.rise();
    return mortal;
  }

  get now(): CollectorProcess {
    const now = this.lives.at(-1);
    if (now === undefined) throw new Error("it has not begun to live");
    return now;
  }

  /** Comes (back) to life. */
  async rise(): Promise<number> {
    this.lives.push(this.#spare);
    this.#spare = new CollectorProcess(this.options);
    return await this.now.bind(this.port);
  }

  async end(): Promise<void> {
    await this.now.process.kill("SIGTERM");
    await this.#spare.process.kill("SIGKILL");
  }
}

/** All that faults are done to. */
export interface Scene {
  readonly proxy: ProxyProcess;
  readonly collector: MortalCollector;
  readonly agents: readonly Agent[];
  readonly identities: Identities;
  readonly configuration: ProxyConfiguration;
  /** 0 to 1. */
  readonly random: () => number;
}

/** One kind of fault, and how often it is chosen beside the others. */
export interface Fault {
  readonly name: string;
  readonly weight: number;
  inject(scene: Scene): Promise<void> | void;
}

const OBSERVATION_DOMAIN_OF_STRANGERS = 7;
const HTTP = new TextEncoder().encode("POST /ipfix HTTP/1.1\r\nHost: flow-aggregator\r\nContent-Length: 4\r\n\r\nnull");
const CLIENT_HELLO = new Uint8Array([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
const NETFLOW = new Uint8Array([0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function pick<Item>({ random }: Scene, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

async function stall({ collector }: Scene, milliseconds: number): Promise<void> {
  collector.now.process.signal("SIGSTOP");
  await moment(milliseconds);
  collector.now.process.signal("SIGCONT");
}

/** Octets that are no IPFIX, or stop being it. */
function garbage(scene: Scene): Uint8Array {
  const messages = new FlowMessages("v2.0.0", OBSERVATION_DOMAIN_OF_STRANGERS);
  const overrun = messages.template("v2.0.0", 0);
  new DataView(overrun.buffer).setUint16(18, 60_000);
  const half = messages.message(0).subarray(0, 100);
  return pick(scene, [new Uint8Array(randomBytes(2_000)), overrun, half, HTTP, CLIENT_HELLO, NETFLOW]);
}

async function sendGarbage(scene: Scene): Promise<void> {
  const { proxy, configuration, identities } = scene;
  const index = Math.floor(scene.random() * configuration.listen.length);
  const octets = garbage(scene);
  if (configuration.listen[index]?.transport === "udp") {
    const stranger = new DatagramExporter(proxy.port(index));
    await stranger.send(octets.subarray(0, 1_400));
    return stranger.close();
  }
  const secured = configuration.listen[index]?.transport === "tls" && scene.random() < 0.5;
  const { agent, authority } = identities;
  const socket = await connectExporter(proxy.port(index), secured ? { issued: agent, ca: authority.pem } : undefined);
  await socket.write(octets).catch(() => {});
  // Some leave at once; the others have to be thrown out.
  if (scene.random() < 0.5) await socket.ended().catch(() => {});
  socket.close();
}

/** One hostile exporter at full rate, for a moment. What it sends is no record, so nothing of it is accounted for. */
async function sendHostile({ proxy, configuration, random }: Scene, hostility: Hostility): Promise<void> {
  const transport = hostility === "redefinitions over udp" ? "udp" : "tcp";
  const index = configuration.listen.findIndex((listener) => listener.transport === transport);
  await using _hostile = await startHostile({ port: proxy.port(index), hostility });
  await moment(500 + random() * 2_000);
}

/** What may happen at any time. */
export const FAULTS: readonly Fault[] = [
  ...HOSTILITIES.map((hostility): Fault => ({
    name: `hostile: ${hostility}`,
    weight: 0.4,
    inject: (scene) => sendHostile(scene, hostility),
  })),
  {
    name: "collector killed",
    weight: 4,
    async inject({ collector, random }) {
      await collector.now.process.kill("SIGKILL");
      await moment(random() * 1_500);
      await collector.rise();
    },
  },
  {
    name: "collector stalled, then killed",
    weight: 1,
    async inject({ collector, random }) {
      collector.now.process.signal("SIGSTOP");
      await moment(500 + random() * 1_500);
      await collector.now.process.kill("SIGKILL");
      await collector.rise();
    },
  },
  { name: "collector stalled", weight: 3, inject: (scene) => stall(scene, 500 + scene.random() * 4_000) },
  { name: "collector half-closed", weight: 1, inject: ({ collector }) => collector.now.halfClose() },
  { name: "exporter cut off", weight: 3, inject: (scene) => pick(scene, scene.agents).cut() },
  { name: "exporter comes back", weight: 2, inject: (scene) => void pick(scene, scene.agents).reconnect() },
  { name: "exporter dawdles", weight: 2, inject: (scene) => pick(scene, scene.agents).dawdle() },
  { name: "garbage exporter", weight: 4, inject: (scene) => void sendGarbage(scene).catch(() => {}) },
  {
    name: "configuration reloaded",
    weight: 3,
    async inject({ proxy, configuration, random }) {
      await proxy.configure({ ...configuration, plugins: random() < 0.5 ? PADDING ?? [] : STRIPPING ?? [] });
      if (random() < 0.7) proxy.process.signal("SIGHUP");
    },
  },
  {
    name: "certificates rotated",
    weight: 1,
    async inject({ identities }) {
      await identities.listener(await identities.authority.issue(AGGREGATOR));
      await identities.collector(await identities.authority.issue({ name: "proxy", usage: ["client"] }));
    },
  },
];

/** Done once, in the middle. */
export const LONG_STALL: Fault = { name: "collector stalled 30 s", weight: 0, inject: (scene) => stall(scene, 30_000) };

/** One of them, by its weight. */
export function choose(faults: readonly Fault[], random: () => number): Fault {
  let left = random() * faults.reduce((sum, { weight }) => sum + weight, 0);
  for (const fault of faults) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  throw new Error("no fault to choose from");
}
