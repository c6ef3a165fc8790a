import assert from "node:assert/strict";
import { statusReport } from "../admin/api/status_report.ts";
import { createMetrics } from "../admin/metrics/metrics.ts";
import { loadProfile } from "../config/profiles/profiles.ts";
import { AgentMessages, fnv1, type SentFlow } from "../demo/agent_messages.ts";
import { EmbeddedAggregator } from "../demo/embedded_aggregator.ts";
import { wrongAbout } from "../demo/record_judgement.ts";
import { concatenate } from "../ipfix/octets/concatenate.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import type { ProxyEvent } from "../proxy/reporting/proxy_event.ts";
import { Authority } from "../../test/support/certificates.ts";
import { freePort } from "../../test/support/free_port.ts";
import { TestCollector } from "../../test/support/proxy/test_collector.ts";
import { TestTlsCollector } from "../../test/support/proxy/test_tls_collector.ts";
import { TestUdpCollector } from "../../test/support/proxy/test_udp_collector.ts";
import { PATIENCE, until } from "../../test/support/time/until.ts";
import { loadWatched } from "./reloader.ts";
import { Service } from "./service.ts";

const V115 = loadProfile("antrea/v1.15");
const V20 = loadProfile("antrea/v2.0");
const V27 = loadProfile("antrea/v2.7");

/** An Agent on a connection of its own, which keeps all that it sends. */
class Agent {
  readonly messages: AgentMessages;
  readonly sent: Uint8Array[] = [];

  constructor(profile: Profile, readonly connection: Deno.Conn, readonly node: string) {
    this.messages = new AgentMessages(profile, node);
  }

  async announce(): Promise<void> {
    for (const template of this.messages.templates()) {
      await this.write(template);
      // Each template in a segment of its own.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async write(message: Uint8Array): Promise<void> {
    this.sent.push(message);
    for (let written = 0; written < message.length;) written += await this.connection.write(message.subarray(written));
  }

  /** Sends a flow, and returns what is wrong with it as the Aggregator reads it. */
  async relay(number: number, aggregator: EmbeddedAggregator): Promise<string | undefined> {
    return await this.judge(await this.send(number), aggregator);
  }

  async send(number: number): Promise<SentFlow> {
    const flow = this.messages.flow(number);
    await this.write(flow.message);
    return flow;
  }

  /** What is wrong with the next record that the Aggregator reads, which has to be this flow. */
  async judge(flow: SentFlow, aggregator: EmbeddedAggregator): Promise<string | undefined> {
    for (;;) {
      const effect = await aggregator.nextEffect(PATIENCE);
      if (effect === undefined) return "never came";
      if (effect.died !== undefined || effect.refused !== undefined) return effect.died ?? effect.refused;
      const [record] = effect.records;
      if (record !== undefined) return wrongAbout(flow, record, aggregator.profile);
    }
  }
}

/** A service by a file that a test can change. Everything that is opened through it is closed with it. */
class Stage implements AsyncDisposable {
  readonly #closing: (() => unknown)[] = [];

  private constructor(
    readonly folder: string,
    readonly service: Service,
    readonly ports: readonly number[],
    readonly events: readonly ProxyEvent[],
  ) {}

  static async open(yaml: string, files: Readonly<Record<string, string>> = {}): Promise<Stage> {
    const folder = await Deno.makeTempDir();
    const all: Readonly<Record<string, string>> = { ...files, "proxy.yaml": yaml };
    for (const [name, text] of Object.entries(all)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const { configuration } = await loadWatched(`${folder}/proxy.yaml`);
    assert.ok(!(configuration instanceof Error), String(configuration));
    const events: ProxyEvent[] = [];
    const service = await Service.open(configuration, (event) => events.push(event));
    const { listeners } = await service.start();
    return new Stage(folder, service, listeners.map(({ address }) => address.port), events);
  }

  async agent(profile: Profile, node: string, hostname = "127.0.0.1", port = this.ports[0] ?? 0): Promise<Agent> {
    return this.use(new Agent(profile, await Deno.connect({ hostname, port }), node));
  }

  use(agent: Agent): Agent {
    this.#closing.push(() => agent.connection.close());
    return agent;
  }

  async reload(yaml: string): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/proxy.yaml`, yaml);
    const { applied, mistakes } = await this.service.reloader.reload("signal");
    assert.ok(applied, mistakes.join("\n"));
  }

  status() {
    return statusReport(this.service.served.view, new Date());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) close();
    await this.service.served.close();
    await this.service.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const head = (base: number) => `
listen: [{ address: "127.0.0.1:0" }, { address: "[::1]:0" }]
collector: { address: "127.0.0.1:${base}", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0", skewSettle: 0s }
limits: { drain: 1s }
`;

Deno.test("Agents by address, release and observation domain go to collectors of three releases; one is only observed", async () => {
  const [a, b, c] = [new EmbeddedAggregator(V115), new EmbeddedAggregator(V20), new TestCollector()];
  try {
    await using stage = await Stage.open(`${head(a.address.port)}
peers:
  - { match: { address: "::1" }, collector: { address: "127.0.0.1:${b.address.port}", profile: antrea/v2.0 } }
  - { match: { profile: antrea/v2.7 }, mode: observe, collector: { address: "127.0.0.1:${c.port}" } }
  - { match: { observationDomain: ${fnv1("by-domain")} }, collector: { address: "127.0.0.1:${b.address.port}" } }
`);
    const [plain, byAddress, byRelease, byDomain] = [
      await stage.agent(V20, "plain"),
      await stage.agent(V115, "by-address", "::1", stage.ports[1]),
      await stage.agent(V27, "by-release"),
      await stage.agent(V20, "by-domain"),
    ];
    await until("all are accepted", () => stage.status().totals.sessions.open === 4);
    assert.equal(stage.service.served.view.sessions().filter(({ collector }) => collector === undefined).length, 3);
    assert.deepEqual([a.connections, b.connections, c.connections.length], [1, 1, 1], "watch connections only");
    for (const agent of [plain, byAddress, byRelease, byDomain]) await agent.announce();
    assert.equal(await plain.relay(0, a), undefined);
    assert.equal(await byAddress.relay(0, b), undefined);
    assert.equal(await byDomain.relay(1, b), undefined);
    for (const number of [0, 1, 2]) await byRelease.write(byRelease.messages.flow(number).message);
    const sent = concatenate(byRelease.sent);
    await until("all that is observed came", () => c.connections[1]?.length === sent.length);
    assert.deepEqual(c.connections[1]?.octets, sent, "octet for octet");
    assert.deepEqual([a.deaths, b.deaths], [0, 0]);

    const { collector, collectors, verdict, losses } = stage.status();
    assert.equal(collector.address, `127.0.0.1:${a.address.port}`);
    assert.deepEqual(collectors.map(({ profile, sessions, rules, state }) => [profile, sessions, rules, state]), [
      ["antrea/v1.15", 1, [], "connected"],
      ["antrea/v2.0", 2, ["peers[0]", "peers[2]"], "connected"],
      ["antrea/v1.15", 1, ["peers[1]"], "connected"],
    ]);
    assert.equal(verdict.reason, "3 of 4 sessions need rewriting; 1 of them is only observed");
    assert.equal(losses.informationLost["egressNodeName"], 4, "one was lost, and the rest would be");
    assert.equal(losses.wouldLose.informationLost["egressNodeName"], 3);
    const observed = stage.service.served.view.sessions().filter((session) => session.observed === true);
    assert.deepEqual(observed.map((session) => session.collector), [`tcp 127.0.0.1:${c.port}`]);
    const scraped = await createMetrics(stage.service.served.view).scrape();
    assert.match(scraped, /^ipfix_proxy_collector_up 1$/m);
    assert.match(
      scraped,
      new RegExp(`^ipfix_proxy_collector_up\\{collector="tcp 127.0.0.1:${b.address.port}"\\} 1$`, "m"),
    );
    assert.match(
      scraped,
      new RegExp(`^ipfix_proxy_collector_epochs_total\\{collector="tcp 127.0.0.1:${c.port}"\\} 1$`, "m"),
    );
  } finally {
    await a.close();
    await b.close();
    c.close();
  }
});

Deno.test("a collector that goes down holds its own sessions only, and the verdict names it", async () => {
  const a = new EmbeddedAggregator(V115);
  const port = freePort();
  let b = new EmbeddedAggregator(V20, port);
  try {
    await using stage = await Stage.open(`${head(a.address.port)}
peers: [{ match: { address: "::1" }, collector: { address: "127.0.0.1:${port}", profile: antrea/v2.0 } }]
`);
    const [plain, other] = [await stage.agent(V115, "plain"), await stage.agent(V20, "other", "::1", stage.ports[1])];
    for (const agent of [plain, other]) await agent.announce();
    assert.deepEqual([await plain.relay(0, a), await other.relay(0, b)], [undefined, undefined]);
    await until("nothing is needed", () => stage.status().verdict.verdict === "not_needed");
    await b.close();
    await until("its end is seen", () => stage.status().collectors[1]?.state === "away");
    const held = await other.send(1);
    for (const number of [1, 2, 3]) assert.equal(await plain.relay(number, a), undefined);
    const { verdict, collector, totals } = stage.status();
    assert.equal(verdict.verdict, "unknown");
    assert.match(verdict.reason, new RegExp(`^the collector 127.0.0.1:${port} is unreachable`));
    assert.deepEqual([collector.state, collector.epoch, totals.sessions.open], ["connected", 1, 2]);
    b = new EmbeddedAggregator(V20, port);
    assert.equal(await other.judge(held, b), undefined);
    assert.equal(await other.relay(2, b), undefined);
    assert.deepEqual(stage.status().collectors.map(({ epoch }) => epoch), [1, 2]);
    const gone = stage.events.filter(({ event }) => event === "collector_gone");
    assert.deepEqual(gone.map(({ fields }) => fields["collector"]), [`127.0.0.1:${port}`]);
  } finally {
    await a.close();
    await b.close();
  }
});

Deno.test("reload: a rule's collector is added, changed and removed; only its sessions move, and nothing is lost", async () => {
  const [a, b, c] = [new EmbeddedAggregator(V115), new EmbeddedAggregator(V20), new EmbeddedAggregator(V20)];
  const rule = (to: EmbeddedAggregator) =>
    `${head(a.address.port)}
peers: [{ match: { profile: antrea/v2.0 }, collector: { address: "127.0.0.1:${to.address.port}", profile: antrea/v2.0 } }]
`;
  try {
    await using stage = await Stage.open(head(a.address.port));
    const [old, young] = [await stage.agent(V115, "old"), await stage.agent(V20, "young")];
    for (const agent of [old, young]) await agent.announce();
    const relay = async (number: number, to: EmbeddedAggregator) => {
      assert.equal(await old.relay(number, a), undefined);
      assert.equal(await young.relay(number, to), undefined);
    };
    await relay(0, a);
    for (const [number, to] of [b, c, b].entries()) {
      await stage.reload(rule(to));
      await relay(number + 1, to);
      assert.deepEqual(stage.status().collectors.map(({ address, sessions }) => [address, sessions]), [
        [`127.0.0.1:${a.address.port}`, 1],
        [`127.0.0.1:${to.address.port}`, 1],
      ]);
    }
    await stage.reload(head(a.address.port));
    await relay(4, a);
    assert.equal(stage.status().collectors.length, 1);
    await until("nobody is connected to it any more", () => b.connections === 0 && c.connections === 0);
    const { records } = stage.status().totals;
    assert.deepEqual([records.received, records.sent], [10, 10]);
    assert.deepEqual([a.deaths, b.deaths, c.deaths], [0, 0, 0]);
    // A rule that only observes changes the mode of the sessions that stand.
    await stage.reload(`${head(a.address.port)}
peers: [{ match: { profile: antrea/v1.15 }, mode: observe }]
`);
    const observed = () => stage.service.served.view.sessions().map((session) => session.observed);
    assert.deepEqual(observed(), [true, false]);
    assert.equal(await old.relay(5, a), undefined);
    assert.equal(await young.relay(5, a), undefined);
  } finally {
    for (const one of [a, b, c]) await one.close();
  }
});

Deno.test("an Agent by the name in its certificate goes to a collector over tls with trust of its own, and datagrams to one over udp", async () => {
  const [cluster, other] = [await Authority.create("cluster"), await Authority.create("other")];
  const server = await cluster.issue({ name: "proxy", dns: ["proxy"] });
  const agents = [await cluster.issue({ name: "agent-1" }), await cluster.issue({ name: "agent-2" })];
  const b = await other.issue({ name: "b", dns: ["b"] });
  const collector = await TestTlsCollector.listen({ certificate: b.certificate, key: b.key, ca: other.pem });
  const client = await other.issue({ name: "the proxy at b" });
  const udp = new TestUdpCollector();
  const a = new EmbeddedAggregator(V115);
  const files = {
    "proxy.crt": server.certificate,
    "proxy.key": server.key,
    "agents.crt": cluster.pem,
    "b-ca.crt": other.pem,
    "b.crt": client.certificate,
    "b.key": client.key,
  };
  try {
    await using stage = await Stage.open(
      `
listen: [{ transport: tls, address: "127.0.0.1:0", tls: { certificate: proxy.crt, key: proxy.key, ca: agents.crt } }]
collector: { address: "127.0.0.1:${a.address.port}", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
peers:
  - match: { certificateName: agent-1 }
    collector:
      transport: tls
      address: 127.0.0.1:${collector.port}
      profile: rfc7011
      tls: { ca: b-ca.crt, certificate: b.crt, key: b.key, serverName: b }
  - match: { certificateName: agent-2 }
    collector: { transport: udp, address: "127.0.0.1:${udp.port}", profile: rfc7011, templateRefresh: 1s }
`,
      files,
    );
    for (const [index, { certificate, key }] of agents.entries()) {
      const agent = stage.use(
        new Agent(
          V20,
          await Deno.connectTls({
            hostname: "127.0.0.1",
            port: stage.ports[0] ?? 0,
            cert: certificate,
            key,
            caCerts: [cluster.pem],
            unsafelyDisableHostnameVerification: true,
          }),
          `agent-${index}`,
        ),
      );
      await agent.announce();
      await agent.write(agent.messages.flow(0).message);
    }
    await until("the first is served over tls", () => collector.received > 0);
    await until("the second is served by datagrams", () => udp.datagrams.length >= 3);
    assert.equal(new Set(collector.names).size, 1);
    assert.equal(collector.names[0], "the proxy at b");
    assert.deepEqual(stage.status().collectors.map(({ transport, sessions }) => [transport, sessions]), [
      ["tcp", 0],
      ["tls", 1],
      ["udp", 1],
    ]);
    assert.equal(a.connections, 1, "the watch connection");
  } finally {
    await collector.close();
    udp.close();
    await a.close();
  }
});
