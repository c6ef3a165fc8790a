/**
 * The proxy as an operator runs it: `serve` in a process of its own, told by YAML, asked over its admin address, read
 * by its log.
 */
import assert from "node:assert/strict";
import { LineProcess } from "../support/processes/line_process.ts";
import { denoArguments } from "../support/processes/run_command.ts";
import { awaitLine } from "./support.ts";
import type { PemFiles } from "./peers/identities.ts";

const ROOT = new URL("../../", import.meta.url);

export type Transport = "tcp" | "tls" | "udp";

/** What a test wants in the YAML. */
export interface ProxyConfiguration {
  readonly listen: readonly { readonly transport: Transport; readonly tls?: PemFiles }[];
  readonly collector: {
    readonly transport: Transport;
    readonly port: number;
    readonly profile: string;
    readonly tls?: PemFiles & { readonly serverName?: string };
  };
  readonly limits?: Readonly<Record<string, string | number>>;
  readonly plugins?: readonly { readonly use: string; readonly with?: unknown }[];
}

/** A line of the log. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly session?: string;
  readonly peer?: string;
  readonly reason?: string;
  readonly [field: string]: unknown;
}

/** The proxy in a process of its own. */
export class ProxyProcess {
  readonly process: LineProcess;
  readonly #folder: string;
  readonly #log: LogLine[] = [];
  /** Lines parsed so far, so that each is parsed once. */
  #read = 0;
  #ports: number[] = [];
  #admin = "";

  private constructor(folder: string, task: string) {
    this.#folder = folder;
    const serve = denoArguments(task, ["--config", `${folder}/proxy.yaml`]);
    this.process = new LineProcess(Deno.execPath(), serve, { cwd: ROOT });
  }

  /** Starts it and waits until it is ready. */
  static async start(configuration: ProxyConfiguration, task = "serve"): Promise<ProxyProcess> {
    const folder = await Deno.makeTempDir({ prefix: "end-to-end-" });
    await Deno.writeTextFile(`${folder}/proxy.yaml`, yaml(configuration));
    await using starting = new AsyncDisposableStack();
    const proxy = starting.use(new ProxyProcess(folder, task));
    await proxy.until("it has started", () => proxy.happened("started").length > 0);
    const [{ listen, admin } = { listen: [], admin: "" }] = proxy.happened("started");
    assert.ok(Array.isArray(listen));
    proxy.#ports = listen.map((one) => Number(String(one).split(":").at(-1)));
    proxy.#admin = `http://${admin}`;
    starting.move();
    return proxy;
  }

  /** Replaces the YAML, whole, as an editor does. */
  async configure(configuration: ProxyConfiguration): Promise<void> {
    const file = `${this.#folder}/proxy.yaml`;
    await Deno.writeTextFile(`${file}.new`, yaml(configuration));
    await Deno.rename(`${file}.new`, file);
  }

  /** Where its listener of this place in the list listens. */
  port(index = 0): number {
    const port = this.#ports[index];
    assert.ok(port !== undefined, `no listener ${index}`);
    return port;
  }

  /** Where its admin server listens. */
  get adminPort(): number {
    return Number(this.#admin.split(":").at(-1));
  }

  log(): readonly LogLine[] {
    for (; this.#read < this.process.stderr.length; this.#read++) {
      const line = this.process.stderr[this.#read] ?? "";
      this.#log.push(
        line.startsWith("{") ? JSON.parse(line) : { level: "error", event: "not a log line", message: line },
      );
    }
    return this.#log;
  }

  /** The lines of this event so far. */
  happened(event: string): LogLine[] {
    return this.log().filter((line) => line.event === event);
  }

  /** How often it happened, including what the log left out as too much for one second, and counted. */
  occurrences(event: string): number {
    const leftOut = this.happened("log_lines_left_out").filter(({ of }) => of === event);
    return leftOut.reduce((sum, { more }) => sum + Number(more), this.happened(event).length);
  }

  /**
   * Waits until the log, which comes by a pipe of its own, tells of all connections to the collector that have been
   * lost so far.
   */
  async lossesLogged(): Promise<void> {
    const lost = (await this.metrics()).get(`ipfix_proxy_collector_connections_total{outcome="lost"}`) ?? 0;
    await this.until(`${lost} losses are logged`, () => this.occurrences("collector_lost") >= lost);
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return awaitLine(this.process, what, condition);
  }

  /** Samples by name and labels: `ipfix_proxy_sessions{transport="tcp"}`. */
  async metrics(): Promise<Metrics> {
    const text = await (await fetch(`${this.#admin}/metrics`)).text();
    return new Metrics(
      text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
        const space = line.lastIndexOf(" ");
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  /** Asks whether it turns. */
  async live(): Promise<void> {
    const response = await fetch(`${this.#admin}/live`);
    await response.body?.cancel();
    assert.equal(response.status, 200);
  }

  /** Posts to a path of the admin API that changes something. */
  async post(path: string): Promise<{ status: number; body: unknown }> {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`${this.#admin}${path}`, { method: "POST", headers, body: "{}" });
    return { status: response.status, body: await response.json() };
  }

  /** Waits until it has left by itself, with status 0: a second signal would have it give up what is under way. */
  async left(): Promise<void> {
    const { code } = await this.process.end();
    assert.equal(code, 0, this.process.stderr.slice(-5).join("\n"));
  }

  /** Ends it, however it stands, and removes what it was told by. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill("SIGKILL");
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** One scrape. */
export class Metrics extends Map<string, number> {
  /** Resident memory of the proxy in MB. */
  get residentMegabytes(): number {
    return (this.get("process_resident_memory_bytes") ?? NaN) / 1e6;
  }

  /** A metric of the proxy, by its name without prefix. @throws where there is none */
  of(name: string): number {
    const value = this.get(`ipfix_proxy_${name}`);
    assert.ok(value !== undefined, `no metric ${name}`);
    return value;
  }
}

/** JSON is YAML. */
function yaml({ listen, collector: { port, ...collector }, ...rest }: ProxyConfiguration): string {
  return JSON.stringify({
    listen: listen.map((one) => ({ ...one, address: "127.0.0.1:0" })),
    collector: { ...collector, address: `127.0.0.1:${port}` },
    admin: { address: "127.0.0.1:0" },
    ...rest,
  });
}
