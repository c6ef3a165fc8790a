/** A Flow Aggregator that is stopped and started, also as another release, while an Agent sends through the proxy. */
import assert from "node:assert/strict";
import { z } from "zod";
import type { Identities } from "../peers/identities.ts";
import { freePort } from "../../support/free_port.ts";
import { judge, type Judgement } from "../measure/judge.ts";
import { Collector, Exporter, type Received, type Transport } from "../peers/peers.ts";
import { type RunningProxy, startProxy } from "../proxy.ts";
import { type Family, type Line, line, templateOf } from "../peers/releases.ts";
import { numberOf, valueOf } from "../peers/values.ts";
import { PATIENCE, until } from "../../support/time/until.ts";

const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];
/** Exporters up to v0.5.4 and from v0.13 refuse datagrams over 512 octets, and no Aggregator takes more than 1024. */
const FLAVOUR = "short";
const statusSchema = z.object({
  collector: z.object({
    state: z.string(),
    epoch: z.number(),
    profile: z.string(),
    nextProfile: z.string().nullable(),
    reason: z.string().nullable(),
  }),
  skew: z.object({ sessions: z.number() }),
  totals: z.object({ records: z.object({ received: z.number(), sent: z.number() }) }),
});

export interface UpgradeOptions {
  readonly transport: Transport;
  readonly agent: string;
  /** The first release of the collector. */
  readonly collector: string;
  /** The proxy's profile at first; the collector's release if it is missing, none if it is empty. */
  readonly profile?: string;
  /** Further keys of the proxy's `collector:`. */
  readonly keys?: string;
  readonly identities: Identities;
}

/** One Agent, the proxy, and a collector that a test stops and starts. */
export class Upgrade implements AsyncDisposable {
  readonly #options: UpgradeOptions;
  readonly proxy: RunningProxy;
  #exporter: Exporter;
  #agent: Line;
  readonly #address: string;
  readonly #watch: string;
  /** The one that runs, or the last one that did. */
  #collector: Collector;
  #line: Line;
  #number = 0;

  private constructor(
    options: UpgradeOptions,
    parts: { proxy: RunningProxy; exporter: Exporter; collector: Collector; watch: string },
  ) {
    this.#options = options;
    this.proxy = parts.proxy;
    this.#exporter = parts.exporter;
    this.#collector = parts.collector;
    this.#address = parts.collector.address;
    this.#watch = parts.watch;
    this.#agent = line(options.agent);
    this.#line = line(options.collector);
  }

  static async start(options: UpgradeOptions): Promise<Upgrade> {
    const { transport, identities, agent, profile = `antrea/${options.collector}`, keys = "" } = options;
    const watch = `127.0.0.1:${freePort()}`;
    const release = line(options.collector);
    await using starting = new AsyncDisposableStack();
    const collector = starting.use(
      await Collector.start(release.goIpfix, {
        transport,
        address: `127.0.0.1:${freePort()}`,
        ...(transport === "tls" ? { identity: identities.collector } : {}),
        ...(transport === "udp" ? { watch } : {}),
      }),
    );
    const proxy = await startProxy(collector.address, profile, {
      transport,
      ...(transport === "tls" ? { identity: identities.proxy } : {}),
      collector: (transport === "udp" ? `, watch: { address: "${watch}" }` : "") + keys,
    });
    starting.defer(() => proxy.close());
    const identity = transport === "tls" ? { identity: identities.exporter } : {};
    const exporter = starting.use(
      await Exporter.start(line(agent).goIpfix, proxy.address, { transport, ...identity }),
    );
    const upgrade = new Upgrade(options, { proxy, exporter, collector, watch });
    await upgrade.#announce();
    starting.move();
    return upgrade;
  }

  /** An Agent of another release that goes round the proxy: the collector knows its templates, under the same ids. */
  async teach(release: string): Promise<void> {
    const { transport, identities } = this.#options;
    const identity = transport === "tls" ? { identity: identities.exporter } : {};
    const agent = line(release);
    const exporter = await Exporter.start(agent.goIpfix, this.#address, { transport, ...identity });
    for (const family of FAMILIES) {
      assert.equal((await exporter.announce(templateOf(agent, family))).error, undefined);
      // A record that arrives shows that its template has.
      const values = templateOf(agent, family).map((name) => valueOf(name, 0, FLAVOUR));
      assert.equal((await exporter.send(family === "ipv4" ? 256 : 257, values)).error, undefined);
    }
    const collector = this.#collector;
    assert.ok(await collector.process.until(() => records(collector.received) >= FAMILIES.length, PATIENCE));
    await exporter.close();
  }

  /** Waits until the collector's process has died by itself, and returns what of. */
  async died(): Promise<string> {
    const collector = this.#collector;
    assert.ok(await collector.process.until(() => collector.panic !== undefined, PATIENCE), "it lives");
    return collector.panic ?? "";
  }

  /** How many records were sent. */
  get sent(): number {
    return this.#number;
  }

  /** The numbers of the records that the collector has delivered. */
  numbers(): number[] {
    return this.#collector.received.flatMap(({ records = [] }) =>
      records.flatMap((fields) => numberOf(new Map(fields).get("flowStartSeconds")) ?? [])
    );
  }

  /** The upper bound of the records lost with broken connections, as the proxy's metric has it. */
  async possiblyLost(): Promise<number> {
    const text = await (await fetch(`${this.proxy.admin}/metrics`)).text();
    return Number(/^ipfix_proxy_collector_possibly_lost_records_total (\d+)$/m.exec(text)?.[1]);
  }

  /** Waits until the collector has delivered so many messages. */
  async busy(messages: number): Promise<void> {
    const collector = this.#collector;
    await collector.process.until(() => collector.count >= messages, PATIENCE);
    assert.equal(collector.panic, undefined);
  }

  /** Waits until nothing more arrives. */
  async settle(): Promise<void> {
    for (let before = -1; before !== this.#collector.count;) {
      before = this.#collector.count;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** The Agent ends, and comes back as another release. */
  async replaceAgent(release: string): Promise<void> {
    const { transport, identities } = this.#options;
    await this.#exporter.close();
    this.#agent = line(release);
    const identity = transport === "tls" ? { identity: identities.exporter } : {};
    this.#exporter = await Exporter.start(this.#agent.goIpfix, this.proxy.address, { transport, ...identity });
    await this.#announce();
  }

  async #announce(): Promise<void> {
    for (const family of FAMILIES) {
      assert.equal((await this.#exporter.announce(templateOf(this.#agent, family))).error, undefined);
    }
  }

  /** Sends so many records, of both families by turns. */
  async send(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++, this.#number++) {
      const family = FAMILIES[this.#number % 2] ?? "ipv4";
      const values = templateOf(this.#agent, family).map((name) => valueOf(name, this.#number, FLAVOUR));
      const { error } = await this.#exporter.send(256 + this.#number % 2, values);
      assert.equal(error, undefined);
    }
  }

  /** Waits until the collector that runs has so many records, and judges them. Fails if it has died. */
  async arrived(count: number): Promise<Judgement> {
    const collector = this.#collector;
    await collector.process.until(() => records(collector.received) >= count, PATIENCE);
    assert.equal(collector.panic, undefined);
    return judge({ agent: this.#agent, collector: this.#line }, collector.received, FLAVOUR);
  }

  /** How many records the collector that runs has delivered. */
  get received(): number {
    return records(this.#collector.received);
  }

  /** Ends the collector's process. */
  async stop(): Promise<void> {
    await this.#collector.process.kill();
  }

  /** Starts a collector of this release where the one before was. */
  async start(release: string): Promise<void> {
    const { transport, identities } = this.#options;
    this.#line = line(release);
    this.#collector = await Collector.start(this.#line.goIpfix, {
      transport,
      address: this.#address,
      ...(transport === "tls" ? { identity: identities.collector } : {}),
      ...(transport === "udp" ? { watch: this.#watch } : {}),
    });
  }

  async status() {
    return statusSchema.parse(await this.proxy.status());
  }

  /** Waits until the proxy says so of its collector. */
  async until(what: string, condition: (status: z.infer<typeof statusSchema>) => boolean): Promise<void> {
    let last: z.infer<typeof statusSchema> | undefined;
    await until(() => `${what}: ${JSON.stringify(last)}`, async () => condition(last = await this.status()));
  }

  /**
   * The log's lines of this event, once there are so many: they come by a pipe, later than the status that they go with.
   *
   * @param text what else stands in each
   */
  async logged(event: string, least: number, text = ""): Promise<string[]> {
    const { process } = this.proxy;
    const lines = () => process.stderr.filter((line) => line.includes(`"event":"${event}"`) && line.includes(text));
    await process.until(() => lines().length >= least, PATIENCE);
    return lines();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exporter.process.kill();
    await this.#collector.process.kill();
    await this.proxy.close();
  }
}

function records(received: readonly Received[]): number {
  return received.reduce((sum, message) => sum + (message.records?.length ?? 0), 0);
}
