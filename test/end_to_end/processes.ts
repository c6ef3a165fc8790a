/** Proxy and collector as processes that a test starts, asks and kills. */
import assert from "node:assert/strict";
import { LineProcess } from "../interop/line_process.ts";
import type { CollectedRun, CollectorProcessOptions } from "./collector_process.ts";
import type { ProxyProcessOptions, ProxyStatus } from "./proxy_process.ts";

const GENEROUS_MILLISECONDS = 60_000;
const PERMISSIONS = [
  "--quiet",
  "--no-prompt",
  "--unstable-net",
  "--allow-net",
  "--allow-read",
  "--allow-env",
  "--allow-sys",
];

function script(name: string): string[] {
  return ["run", ...PERMISSIONS, new URL(name, import.meta.url).pathname];
}

/** Lines of a process that hold this key, parsed. */
function parsed<Line>(process: LineProcess, key: string, from = 0): Line[] {
  return process.stdout.slice(from).filter((line) => line.includes(`"${key}"`)).map((line) => JSON.parse(line));
}

/** Waits for as long as it takes; fails with what the process said when it takes more than a minute. */
async function awaitLine(process: LineProcess, what: string, condition: () => boolean): Promise<void> {
  const held = await process.until(condition, GENEROUS_MILLISECONDS);
  assert.ok(
    held,
    `waited in vain until ${what}; it said: ${[...process.stdout.slice(-5), ...process.stderr.slice(-5)].join("\n")}`,
  );
}

/** An event as the proxy prints it. */
export interface PrintedEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The proxy in a process of its own. */
export class ProxyProcess {
  private constructor(readonly process: LineProcess, readonly ports: readonly number[]) {}

  static async start(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const process = new LineProcess(Deno.execPath(), [...script("proxy_process.ts"), JSON.stringify(options)]);
    await awaitLine(process, "it listens", () => parsed(process, "listening").length > 0);
    const [{ listening } = { listening: [] }] = parsed<{ listening: number[] }>(process, "listening");
    return new ProxyProcess(process, listening);
  }

  get port(): number {
    const [port] = this.ports;
    assert.ok(port !== undefined);
    return port;
  }

  happened(event: string): PrintedEvent[] {
    return parsed<PrintedEvent>(this.process, "event").filter((one) => one.event === event);
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return awaitLine(this.process, what, condition);
  }

  async status(): Promise<ProxyStatus> {
    const before = this.process.stdout.length;
    const answers = () => parsed<{ status: ProxyStatus }>(this.process, "status", before);
    await this.process.write("status");
    await awaitLine(this.process, "it says its status", () => answers().length > 0);
    const [answer] = answers();
    assert.ok(answer !== undefined);
    return answer.status;
  }
}

/** A collector in a process of its own. It is started before it is needed and binds in a moment. */
export class CollectorProcess {
  readonly process: LineProcess;
  /** Lines parsed so far, so that each is parsed once. */
  #read = 0;
  readonly #collected: CollectedRun[] = [];

  constructor(options: CollectorProcessOptions) {
    this.process = new LineProcess(Deno.execPath(), [...script("collector_process.ts"), JSON.stringify(options)]);
  }

  async bind(port = 0): Promise<number> {
    await this.process.write(JSON.stringify({ port }));
    await awaitLine(this.process, "it listens", () => parsed(this.process, "listening").length > 0);
    const [{ listening } = { listening: 0 }] = parsed<{ listening: number }>(this.process, "listening");
    return listening;
  }

  collected(): readonly CollectedRun[] {
    for (; this.#read < this.process.stdout.length; this.#read++) {
      const line = this.process.stdout[this.#read] ?? "";
      if (line.includes('"runs"')) this.#collected.push(JSON.parse(line));
    }
    return this.#collected;
  }

  /** How many records it has printed. */
  get records(): number {
    let records = 0;
    for (const { runs } of this.collected()) {
      for (let index = 0; index < runs.length; index += 2) records += (runs[index + 1] ?? 0) - (runs[index] ?? 0) + 1;
    }
    return records;
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return awaitLine(this.process, what, condition);
  }
}

/**
 * Checks what one connection brought: a template first, sequence numbers from 0, then records without a hole.
 *
 * @returns the first and the last record's number; undefined: none came
 */
export function checkConnection(collected: readonly CollectedRun[]): { first: number; last: number } | undefined {
  const [beginning] = collected;
  if (beginning === undefined) return undefined;
  assert.ok(beginning.templates >= 1, "the template comes first");
  assert.equal(beginning.sequenceNumber, 0, "a new connection counts from 0");
  let range: { first: number; last: number } | undefined;
  for (const { runs } of collected) {
    if (runs.length === 0) continue;
    assert.equal(runs.length, 2, `records with a hole within a connection: ${runs}`);
    const [first = 0, last = 0] = runs;
    if (range !== undefined) assert.equal(first, range.last + 1, "a hole, or something twice, within a connection");
    range = { first: range?.first ?? first, last };
  }
  return range;
}
