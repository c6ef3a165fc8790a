import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { AgentMessages, type SentFlow } from "./agent_messages.ts";
import { closeQuietly } from "./embedded_aggregator.ts";

/** The address that an Agent sends to. */
export interface Destination {
  readonly hostname: string;
  readonly port: number;
}

/** An attempt to write a flow to the connection. */
export interface Attempt {
  readonly flow: SentFlow;
  /** False if the connection is lost. */
  readonly written: boolean;
}

/** An Antrea Agent of one release with a real socket: connects, sends its templates, then one flow after the other. */
export class EmbeddedAgent {
  readonly #messages: AgentMessages;
  #connection: Deno.TcpConn | undefined;
  #closed: Promise<void> = Promise.resolve();

  constructor(readonly profile: Profile, readonly node: string) {
    this.#messages = new AgentMessages(profile, node);
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Opens a connection and writes the templates.
   *
   * @param announced called after each template; the next one waits for it
   */
  async connect(destination: Destination, announced: () => Promise<void>): Promise<void> {
    const connection = await Deno.connect(destination);
    connection.setNoDelay(true);
    this.#connection = connection;
    this.#closed = this.#waitForEnd(connection);
    for (const template of this.#messages.templates()) {
      if (!await this.#write(template)) return;
      await announced();
    }
  }

  /** Writes the flow of this number. */
  async send(number: number): Promise<Attempt> {
    const flow = this.#messages.flow(number);
    return { flow, written: await this.#write(flow.message) };
  }

  /** Resolves once the other side has closed the connection, or after this many milliseconds. */
  async untilClosed(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.#closed, new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds))]);
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    // Half-close, so that everything written arrives; then wait for the other side to close as well.
    await connection.closeWrite().catch(() => {});
    await this.untilClosed(1000);
    this.#forget(connection);
    await this.#closed;
  }

  async #write(message: Uint8Array): Promise<boolean> {
    const connection = this.#connection;
    if (connection === undefined) return false;
    try {
      for (let written = 0; written < message.length;) written += await connection.write(message.subarray(written));
      return true;
    } catch {
      // Any failure to write means the same to an Agent: it has to connect again.
      this.#forget(connection);
      return false;
    }
  }

  async #waitForEnd(connection: Deno.TcpConn): Promise<void> {
    const octets = new Uint8Array(64);
    try {
      while (await connection.read(octets) !== null);
    } catch {
      // A reset ends the session as an orderly end does.
    } finally {
      this.#forget(connection);
    }
  }

  #forget(connection: Deno.TcpConn): void {
    if (this.#connection === connection) this.#connection = undefined;
    closeQuietly(connection);
  }
}
