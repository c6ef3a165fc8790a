/** A collector as a process that a test starts, tells what to do, asks and kills. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePort } from "../../support/free_port.ts";
import { LineProcess } from "../../support/processes/line_process.ts";
import type { CollectedRun, CollectorProcessOptions } from "./collector_process.ts";
import { awaitLine } from "../support.ts";

const COLLECTOR = fileURLToPath(new URL("collector_process.ts", import.meta.url));
const PERMISSIONS = ["--quiet", "--no-prompt", "--unstable-net", "--allow-net", "--allow-env", "--allow-sys"];

/** A collector in a process of its own. It is started before it is needed and binds in a moment. */
export class CollectorProcess {
  readonly process: LineProcess;
  readonly transport: CollectorProcessOptions["transport"];
  readonly #collected: CollectedRun[] = [];
  #listening: number | undefined;
  /** Lines parsed so far, so that each is parsed once. */
  #read = 0;
  #records = 0;

  constructor(options: CollectorProcessOptions) {
    this.transport = options.transport;
    this.process = new LineProcess(Deno.execPath(), ["run", ...PERMISSIONS, COLLECTOR, JSON.stringify(options)]);
  }

  /** Starts one that listens. */
  static async start(
    options: CollectorProcessOptions,
    port = freePort(),
  ): Promise<CollectorProcess & { port: number }> {
    await using starting = new AsyncDisposableStack();
    const collector = starting.use(new CollectorProcess(options));
    const bound = Object.assign(collector, { port: await collector.bind(port) });
    starting.move();
    return bound;
  }

  /** @param port a free one that another can have after it */
  async bind(port = freePort()): Promise<number> {
    await this.process.write(JSON.stringify({ bind: port }));
    await this.until("it listens", () => this.collected() !== undefined && this.#listening !== undefined);
    return this.#listening ?? 0;
  }

  /** Says on every connection that nothing more comes from this side; goes on reading. */
  halfClose(): Promise<void> {
    return this.process.write(JSON.stringify({ halfClose: true }));
  }

  /** Reads no more, over TCP: what comes from now on stays in the kernel. */
  pause(): Promise<void> {
    return this.process.write(JSON.stringify({ pause: true }));
  }

  /** All that came so far. */
  collected(): readonly CollectedRun[] {
    for (; this.#read < this.process.stdout.length; this.#read++) {
      const line = JSON.parse(this.process.stdout[this.#read] ?? "{}");
      if ("listening" in line) this.#listening = line.listening;
      else {
        this.#collected.push(line);
        this.#records += countOf(line.runs);
      }
    }
    return this.#collected;
  }

  /** How many data records came. */
  get records(): number {
    this.collected();
    return this.#records;
  }

  /**
   * The flows that came of one observation domain, in order of arrival, as runs without a hole; connections one after
   * the other.
   */
  flowsOf(observationDomain: number): number[] {
    return joinRuns(this.collected().filter((one) => one.observationDomain === observationDomain));
  }

  /** When the last of what has come of an observation domain was read, in milliseconds since the epoch. */
  lastRead(observationDomain: number): number {
    return this.collected().findLast((one) => one.observationDomain === observationDomain)?.time ?? -Infinity;
  }

  /** Fails as soon as something wrong comes. */
  until(what: string | (() => string), condition: () => boolean): Promise<void> {
    return awaitLine(this.process, what, () => {
      const wrong = this.collected().at(-1)?.wrong;
      assert.equal(wrong, undefined);
      return condition();
    });
  }

  /** Waits until so many data records have come in all. */
  untilRecords(count: number): Promise<void> {
    return awaitLine(
      this.process,
      () => `${count} records have come, not ${this.records}`,
      () => this.records >= count,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill("SIGKILL");
  }

  /** Fails where anything came that should not have, or data before a template, on any connection. */
  assertRight(): void {
    const begun = new Set<string>();
    for (const { connection, observationDomain, templates, wrong } of this.collected()) {
      assert.equal(wrong, undefined, `connection ${connection}`);
      const key = `${connection} ${observationDomain}`;
      if (!begun.has(key)) assert.ok(templates > 0, "the templates come first");
      begun.add(key);
    }
  }
}

/** How many flows there are in runs. */
function countOf(runs: readonly number[]): number {
  let count = 0;
  for (let index = 0; index < runs.length; index += 2) count += (runs[index + 1] ?? 0) - (runs[index] ?? 0) + 1;
  return count;
}

/** Runs of several reads as one list of runs. */
export function joinRuns(collected: readonly CollectedRun[]): number[] {
  const joined: number[] = [];
  for (const { runs } of collected) {
    for (let index = 0; index < runs.length; index += 2) {
      const [first = 0, last = 0] = [runs[index], runs[index + 1]];
      if (joined.length > 0 && joined.at(-1) === first - 1) joined[joined.length - 1] = last;
      else joined.push(first, last);
    }
  }
  return joined;
}
