/** Real go-ipfix peers as child processes: collecting process, exporting process, and both behind each other. */
import assert from "node:assert/strict";
import { z } from "zod";
import { buildPeers } from "./build.ts";
import { LineProcess } from "../../support/processes/line_process.ts";
import { elementOf } from "./releases.ts";
import { PATIENCE } from "../../support/time/until.ts";

export type Transport = "tcp" | "udp" | "tls";

/** PEM files of one peer. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

export const receivedSchema = z.strictObject({
  observationDomain: z.number(),
  sequence: z.number(),
  exportTime: z.number(),
  exporter: z.string(),
  template: z.number(),
  fields: z.array(z.strictObject({ name: z.string(), pen: z.number(), id: z.number(), length: z.number() })).optional(),
  records: z.array(z.array(z.tuple([z.string(), z.string()]))).optional(),
});

/** A message as a collecting process delivers it: a template's `fields`, or `records` as ordered names and values. */
export type Received = z.infer<typeof receivedSchema>;

export const listeningSchema = z.object({ listening: z.string() });
export const connectedSchema = z.object({ connected: z.string() });
export const answerSchema = z.object({
  template: z.number().optional(),
  octets: z.number().optional(),
  error: z.string().optional(),
});

/** What an exporting process said of one template or record. */
export type Answer = z.infer<typeof answerSchema>;

/** Starts a subcommand of the peer of one go-ipfix release. */
export async function startPeer(goIpfix: string, args: readonly string[], identity?: Identity): Promise<LineProcess> {
  const path = (await buildPeers()).get(goIpfix);
  if (path === undefined) throw new RangeError(`no peer is built of go-ipfix ${goIpfix}`);
  const files = identity === undefined
    ? []
    : ["--certificate", identity.certificate, "--key", identity.key, "--ca", identity.ca];
  return new LineProcess(path, [...args, ...files]);
}

/**
 * The line of this number, once it is there.
 *
 * @throws {Error} with the process' log if it does not come
 */
export async function lineOf(process: LineProcess, number: number, what: string): Promise<unknown> {
  const there = await process.until(() => process.stdout.length > number, PATIENCE);
  if (there) return JSON.parse(process.stdout[number] ?? "");
  const words = process.stderr.join("\n");
  await process.kill();
  throw new Error(`${what} gave no answer: ${words}`);
}

/** Waits until a collector has so many messages or flows, however long that takes, as long as more of them come. */
export async function allArrive(
  collector: { readonly process: LineProcess; readonly count: number },
  count: number,
): Promise<void> {
  for (let before = -1; collector.count < count && collector.count > before;) {
    before = collector.count;
    await collector.process.until(() => collector.count >= count, PATIENCE);
  }
  assert.equal(collector.count, count);
}

/** A collecting process of one go-ipfix release. */
export class Collector implements AsyncDisposable {
  readonly process: LineProcess;
  /** Where it listens, `host:port`. */
  readonly address: string;

  private constructor(process: LineProcess, address: string) {
    this.process = process;
    this.address = address;
  }

  static async start(
    goIpfix: string,
    options: { transport?: Transport; address?: string; identity?: Identity; watch?: string } = {},
  ): Promise<Collector> {
    const { transport = "tcp", address = "127.0.0.1:0" } = options;
    const process = await startPeer(
      goIpfix,
      [
        ...["collect", "--transport", transport, "--address", address],
        ...(options.watch === undefined ? [] : ["--watch", options.watch]),
      ],
      options.identity,
    );
    const first = listeningSchema.parse(await lineOf(process, 0, `collector ${goIpfix}`));
    return new Collector(process, first.listening);
  }

  /** How many messages it has delivered. */
  get count(): number {
    return this.process.stdout.length - 1;
  }

  /** All messages that it has delivered. */
  get received(): Received[] {
    return this.process.stdout.slice(1).map((line) => receivedSchema.parse(JSON.parse(line)));
  }

  /** How many messages its log says it could not decode. */
  get refused(): number {
    return this.process.stderr.filter(isDecodeError).length;
  }

  /** What it died of, as Go prints it; undefined while it lives or after another ending. */
  get panic(): string | undefined {
    if (this.process.ending?.code !== 2) return undefined;
    return this.process.stderr.find((line) => line.startsWith("panic: ") || line.startsWith("fatal error: "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
  }
}

/** klog's error lines, less those about the end of a connection and those that follow from the same message. */
function isDecodeError(line: string): boolean {
  return /^E\d{4} /.test(line) && !/message length: EOF|reading the message|connection reset|closed/i.test(line);
}

/** The command that announces a template of these elements. */
export function announcement(names: readonly string[]): unknown {
  return { template: names.map((name) => ({ name, pen: elementOf(name).pen })) };
}

/** An exporting process of one go-ipfix release, alive until its end is asked for. */
export class Exporter implements AsyncDisposable {
  readonly process: LineProcess;
  #asked = 0;

  private constructor(process: LineProcess) {
    this.process = process;
  }

  static async start(
    goIpfix: string,
    collector: string,
    options: { transport?: Transport; observationDomain?: number; identity?: Identity; serverName?: string } = {},
  ): Promise<Exporter> {
    const { transport = "tcp", observationDomain = 1, identity, serverName } = options;
    const process = await startPeer(goIpfix, [
      ...["export", "--transport", transport, "--collector", collector],
      ...["--observation-domain", String(observationDomain)],
      ...(serverName === undefined ? [] : ["--server-name", serverName]),
    ], identity);
    connectedSchema.parse(await lineOf(process, 0, `exporter ${goIpfix}`));
    return new Exporter(process);
  }

  /** Announces the next template (256 first); its elements are looked up in the release's own registry. */
  announce(names: readonly string[]): Promise<Answer> {
    return this.#ask(announcement(names));
  }

  /** Sends one record of an announced template, a message of its own. */
  send(template: number, values: readonly string[]): Promise<Answer> {
    return this.#ask({ of: template, record: values });
  }

  /** Closes its connection as an Agent that stops does. */
  async close(): Promise<void> {
    await this.process.end();
  }

  async #ask(command: unknown): Promise<Answer> {
    const line = ++this.#asked;
    await this.process.write(JSON.stringify(command));
    return answerSchema.parse(await lineOf(this.process, line, "exporter"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
  }
}
