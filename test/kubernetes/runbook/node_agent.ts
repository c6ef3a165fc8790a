/**
 * An Agent of a node, of a release that changes, which exports as Antrea's do: it connects again after a failed export.
 */
import assert from "node:assert/strict";
import { type AgentConnection, connect, type Destination } from "./agent_connection.ts";

/** Every flow that any Agent has handed over to its connection, with its release then, by number. */
export type SentFlows = Map<number, string>;

/** How often it tries to connect for one export; each failure waits a little. */
const ATTEMPTS = 100;
const PAUSE_MILLISECONDS = 100;
/** More than an Agent ever sends. */
const FLOWS = 100_000;

/** One node's Agent. */
export class NodeAgent implements AsyncDisposable {
  #connection: AgentConnection | undefined;
  #release: string;
  #next: number;
  /** How often it has connected. */
  connections = 0;
  /** Where its last connection goes. */
  through: Destination["through"] = "aggregator";

  /**
   * @param index of the node: tells its flows from others'
   * @param find reads ConfigMap, Secret and Service, as they are now
   */
  constructor(
    readonly index: number,
    release: string,
    readonly sent: SentFlows,
    readonly find: () => Promise<Destination>,
  ) {
    this.#release = release;
    this.#next = FLOWS * index;
  }

  /** Whether a flow of this number is one of its own. */
  isOwn(number: number): boolean {
    return Math.floor(number / FLOWS) === this.index;
  }

  get release(): string {
    return this.#release;
  }

  /** The number of the last flow that it handed over. */
  get last(): number {
    return this.#next - 1;
  }

  /** Stops as an Agent does whose Pod ends, and starts as this release. */
  async restart(release: string): Promise<void> {
    await this.#connection?.close();
    this.#connection = undefined;
    this.#release = release;
  }

  /** Exports flows, each until a connection takes it: what a connection takes is never sent again. */
  async export(flows: number): Promise<void> {
    for (let flow = 0; flow < flows; flow++) await this.#export();
  }

  /** Tries once to hand over the next flow; whether a connection took it. */
  async try(): Promise<boolean> {
    try {
      this.#connection ??= await this.#connect();
    } catch {
      // Refused, or not verified: the next export tries again.
      return false;
    }
    const error = await this.#connection.send(this.#next);
    if (error === undefined) {
      this.sent.set(this.#next++, this.#release);
      return true;
    }
    await this.#connection[Symbol.asyncDispose]();
    this.#connection = undefined;
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.[Symbol.asyncDispose]();
  }

  async #export(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await this.try()) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
    }
    assert.fail(`the Agent of node ${this.index} finds no collector`);
  }

  async #connect(): Promise<AgentConnection> {
    const destination = await this.find();
    const connection = await connect(this.#release, this.index, destination);
    this.connections++;
    this.through = destination.through;
    return connection;
  }
}
