/**
 * The proxy in front of an Aggregator in a cluster: `serve` in a process of its own, with a service account's token of
 * a real API server.
 */
import assert from "node:assert/strict";
import { freePort } from "../support/free_port.ts";
import { LineProcess } from "../support/processes/line_process.ts";
import { Collector, Exporter, type Identity } from "../interop/peers/peers.ts";
import { trustModeOf } from "../../src/kubernetes/trust/trust_mode.ts";
import { line, templateOf } from "../interop/peers/releases.ts";
import { valueOf } from "../interop/peers/values.ts";
import { denoArguments } from "../support/processes/run_command.ts";
import {
  type AggregatorCertificates,
  aggregatorObjectsOf,
  makeAggregatorCertificates,
  NAMESPACE,
  SERVER_NAME,
} from "../support/kubernetes/aggregator_trust.ts";
import { kustomize } from "./overlays/kustomize.ts";
import { ApiServer } from "./tools/api_server.ts";
import { until } from "../support/time/until.ts";

const ROOT = new URL("../../", import.meta.url);

const NAMESPACE_MANIFEST = `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${NAMESPACE} }\n`;

/** An API server with the Aggregator's namespace, and the roles that the overlays give a gateway. */
export async function startCluster(): Promise<ApiServer> {
  const server = await ApiServer.start();
  await server.apply(NAMESPACE_MANIFEST);
  await server.apply(await kustomize(NAMESPACE_MANIFEST, ["access", "access-mint"]));
  return server;
}

/** A token of a service account that is made where it is missing. */
export async function serviceAccountToken(server: ApiServer, name: string): Promise<string> {
  await server.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: NAMESPACE } });
  return (await server.kubectl(["-n", NAMESPACE, "create", "token", name])).trim();
}

/** What a test wants of the proxy. */
export interface ClusterProxyOptions {
  readonly token: string;
  readonly collectorPort: number;
  /** More lines of YAML under `kubernetes:`. */
  readonly kubernetes?: readonly string[];
  /** Default: auto. */
  readonly profile?: string;
}

/** An API server, as far as a proxy needs it. */
type KubeconfigSource = Pick<ApiServer, "kubeconfig">;

/** `serve`, and what it says. */
export class ClusterProxy implements AsyncDisposable {
  private constructor(
    readonly process: LineProcess,
    readonly folder: string,
    readonly port: number,
    /** Where it may listen for gRPC. */
    readonly grpc: number,
    readonly admin: string,
  ) {}

  /** Starts it; it may have to wait. */
  static async start(server: KubeconfigSource, options: ClusterProxyOptions): Promise<ClusterProxy> {
    return await ClusterProxy.startWith(server, options.token, ({ port, admin }) =>
      [
        "listen:",
        `  - { transport: tls, address: 127.0.0.1:${port}, tls: { mode: auto } }`,
        "collector:",
        "  transport: tls",
        `  address: 127.0.0.1:${options.collectorPort}`,
        `  profile: ${options.profile ?? "auto"}`,
        "  tls: { mode: auto }",
        `admin: { address: 127.0.0.1:${admin} }`,
        "kubernetes:",
        "  kubeconfig: kubeconfig",
        ...(options.kubernetes ?? []).map((each) => `  ${each}`),
        "",
      ].join("\n"));
  }

  /**
   * Starts it with a whole configuration of its own.
   *
   * @param configuration makes the YAML of the ports; the file `kubeconfig` beside it has the token
   */
  static async startWith(
    server: KubeconfigSource,
    token: string,
    configuration: (ports: { readonly port: number; readonly grpc: number; readonly admin: number }) => string,
  ): Promise<ClusterProxy> {
    const folder = await Deno.makeTempDir({ prefix: "cluster-proxy-" });
    await Deno.writeTextFile(`${folder}/token`, token);
    await Deno.writeTextFile(`${folder}/kubeconfig`, server.kubeconfig(token));
    const [port, grpc, admin] = [freePort(), freePort(), freePort()];
    await Deno.writeTextFile(`${folder}/proxy.yaml`, configuration({ port, grpc, admin }));
    const args = denoArguments("serve", ["--config", `${folder}/proxy.yaml`]);
    const process = new LineProcess(Deno.execPath(), args, { cwd: ROOT });
    await using starting = new AsyncDisposableStack();
    const proxy = starting.use(new ClusterProxy(process, folder, port, grpc, `http://127.0.0.1:${admin}`));
    await proxy.until("it answers /live", async () => (await proxy.get("/live")).status === 200);
    starting.move();
    return proxy;
  }

  /** Status and text of an answer; status 0 where there is none. */
  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await fetch(`${this.admin}${path}`);
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: 0, text: "" };
    }
  }

  // deno-lint-ignore no-explicit-any -- a JSON answer, of which each test looks at something else
  async status(): Promise<any> {
    return JSON.parse((await this.get("/api/status")).text);
  }

  /** Waits. @throws with the log, if it does not come to be */
  async until(what: string, isSo: () => boolean | Promise<boolean>, milliseconds?: number): Promise<void> {
    try {
      await until(what, isSo, milliseconds);
    } catch (error) {
      throw new Error(
        `${error instanceof Error ? error.message : error}\n${this.process.stderr.slice(-30).join("\n")}`,
      );
    }
  }

  /** When an event was last logged, in milliseconds since the epoch; undefined: never. */
  lastLogged(event: string): number | undefined {
    const last = this.process.stderr.findLast((text) => JSON.parse(text).event === event);
    return last === undefined ? undefined : Date.parse(JSON.parse(last).time);
  }

  /** Ends it as a kubelet does, and waits for the end. */
  async end(): Promise<void> {
    this.process.signal("SIGTERM");
    await this.until("it ends", () => this.process.ending !== undefined);
    assert.equal(this.process.ending?.code, 0, this.process.stderr.join("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The bundle that Agents read, as it is now. */
export async function readBundle(server: ApiServer): Promise<string> {
  const args = ["-n", NAMESPACE, "get", "configmap", "flow-aggregator-ca", "-o", "json", "--ignore-not-found"];
  const text = await server.kubectl(args);
  return text === "" ? "" : JSON.parse(text).data["ca.crt"];
}

/** How many certificates a bundle has. */
export function count(bundle: string): number {
  return bundle.split("-----BEGIN CERTIFICATE-----").length - 1;
}

/**
 * An Aggregator's process with its Pod: a go-ipfix collector of its release that does at its start what the release
 * does, a CA in memory and the objects written through the API.
 */
export class Aggregator implements AsyncDisposable {
  private constructor(
    /** `v1.15.2` */
    readonly release: string,
    readonly collector: Collector,
    readonly certificates: AggregatorCertificates,
    readonly server: ApiServer,
    readonly pod: string,
    readonly folder: string,
    /** What it shows, and whom it lets in. */
    readonly identity: Identity,
    /** When it began to start, in milliseconds since the epoch. */
    readonly beganAt: number,
    /** When it had written its objects, in milliseconds since the epoch. */
    readonly wroteAt: number,
  ) {}

  /** @param release `v1.15.2` */
  static async start(server: ApiServer, release: string, port: number): Promise<Aggregator> {
    const beganAt = Date.now();
    const folder = await Deno.makeTempDir({ prefix: "aggregator-" });
    const certificates = await makeAggregatorCertificates();
    const pod = `flow-aggregator-${crypto.randomUUID().slice(0, 8)}`;
    const identity = await writeIdentity(folder, certificates.server, certificates.ca.certificate);
    const options = { transport: "tls" as const, address: `127.0.0.1:${port}`, identity };
    // A Pod is there long before its process.
    await server.apply(aggregatorPod(pod, `antrea/flow-aggregator:${release}`));
    const collector = await Collector.start(line(release).goIpfix, options);
    await server.apply(...objects(certificates, trustModeOf(release) === "mint"));
    return new Aggregator(release, collector, certificates, server, pod, folder, identity, beganAt, Date.now());
  }

  /** Writes its bundle again, as Aggregators from v2.5.1 on do where somebody has changed it. */
  async takeBackBundle(): Promise<void> {
    const [bundle] = objects(this.certificates, false);
    await this.server.apply(bundle ?? {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.collector[Symbol.asyncDispose]();
    await this.server.kubectl([
      "-n",
      NAMESPACE,
      "delete",
      "pod",
      this.pod,
      "--force",
      "--grace-period=0",
      "--ignore-not-found",
    ]);
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A Pod that no kubelet runs. */
export function aggregatorPod(name: string, image: string): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: NAMESPACE, labels: { app: "flow-aggregator" } },
    spec: { containers: [{ name: "flow-aggregator", image }] },
  };
}

/** The objects with their names, for `apply`. */
export function objects(certificates: AggregatorCertificates, withAuthority: boolean): Record<string, unknown>[] {
  return [...aggregatorObjectsOf(certificates, withAuthority)].map(([path, object]) => ({
    ...object,
    metadata: { name: path.split("/").at(-1), namespace: NAMESPACE },
  }));
}

/** Writes the PEM files of a peer into a folder. */
export async function writeIdentity(folder: string, pair: { certificate: string; key: string }, ca: string) {
  const identity = { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key`, ca: `${folder}/ca.crt` };
  await Deno.writeTextFile(identity.certificate, pair.certificate);
  await Deno.writeTextFile(identity.key, pair.key);
  await Deno.writeTextFile(identity.ca, ca);
  return identity;
}

/** An Agent of a release: it reads ConfigMap and Secret as it connects, and verifies the Service's name. */
export class Agent implements AsyncDisposable {
  readonly #names: readonly string[];
  #sent = 0;

  private constructor(readonly exporter: Exporter, names: readonly string[], readonly folder: string) {
    this.#names = names;
  }

  /** @throws where the proxy is not verified */
  static async connect(server: ApiServer, release: string, port: number): Promise<Agent> {
    const folder = await Deno.makeTempDir({ prefix: "agent-" });
    const secret = JSON.parse(
      await server.kubectl(["-n", NAMESPACE, "get", "secret", "flow-aggregator-client-tls", "-o", "json"]),
    );
    const pair = { certificate: atob(secret.data["tls.crt"]), key: atob(secret.data["tls.key"]) };
    const identity = await writeIdentity(folder, pair, await readBundle(server));
    const agent = line(release);
    const exporter = await Exporter.start(agent.goIpfix, `127.0.0.1:${port}`, {
      transport: "tls",
      identity,
      serverName: SERVER_NAME,
    });
    const names = templateOf(agent, "ipv4");
    assert.equal((await exporter.announce(names)).error, undefined);
    return new Agent(exporter, names, folder);
  }

  /** Sends the next record. */
  async send(): Promise<void> {
    const number = this.#sent++;
    const answer = await this.exporter.send(256, this.#names.map((name) => valueOf(name, number, "typical")));
    assert.equal(answer.error, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exporter[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** How many records a collector has delivered. */
export function delivered({ collector }: Aggregator): number {
  return collector.received.reduce((sum, { records }) => sum + (records?.length ?? 0), 0);
}

/** The names of the last template that a collector was given. */
export function lastTemplate({ collector }: Aggregator): string[] {
  return collector.received.findLast(({ fields }) => fields !== undefined)?.fields?.map(({ name }) => name) ?? [];
}
