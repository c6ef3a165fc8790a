/**
 * A collector that only counts. Prints its port; for each number on standard input, a line of JSON once so many
 * messages have arrived in all, or nothing more can.
 *
 * @module
 */
import { writeLine } from "../../../src/terminal/terminal.ts";
import { MESSAGE_HEADER_LENGTH } from "../../../src/ipfix/message/message_header.ts";
import { linesOf } from "../../support/processes/text_lines.ts";
import { connections } from "./connections.ts";

/** What there is so far. */
export interface Arrived {
  readonly octets: number;
  readonly messages: number;
  /** False: a stream ended inside a message, or broke off. */
  readonly whole: boolean;
  /** Suite and group that what is measured has agreed on with the collector. */
  readonly negotiated?: string;
}

const LENGTH = 512 * 1024;
/** Of each of many connections; of a few, one that fills its buffer gets a large one. */
const FIRST_LENGTH = 16 * 1024;
const FEW = 8;

/** Counts the messages of all connections. */
export class Sink {
  #octets = 0;
  #messages = 0;
  #whole = true;
  #open = 0;
  #wanted = Infinity;
  #reached: (arrived: Arrived) => void = () => {};

  get arrived(): Arrived {
    return { octets: this.#octets, messages: this.#messages, whole: this.#whole };
  }

  /** Resolves once so many messages have arrived, or all connections that brought something have ended. */
  until(messages: number): Promise<Arrived> {
    const { promise, resolve } = Promise.withResolvers<Arrived>();
    this.#reached = resolve;
    this.#wanted = messages;
    this.#look(this.#octets > 0);
    return promise;
  }

  /** Counts messages by their lengths, without looking at anything else. */
  async drain(connection: Pick<Deno.TcpConn, "read" | "close">): Promise<void> {
    let octets = new Uint8Array(FIRST_LENGTH);
    let view = new DataView(octets.buffer);
    let next = 0;
    let end = 0;
    let brought = false;
    /** A message has begun whose end is not there yet. */
    let inside = false;
    try {
      for (let length; (length = await connection.read(octets.subarray(end))) !== null;) {
        if (!brought) {
          brought = true;
          this.#open++;
        }
        this.#octets += length;
        end += length;
        const full = end === octets.length;
        if (inside && next <= end) this.#messages++;
        inside &&= next > end;
        while (next + MESSAGE_HEADER_LENGTH <= end) {
          next += Math.max(MESSAGE_HEADER_LENGTH, view.getUint16(next + 2));
          inside = next > end;
          if (!inside) this.#messages++;
        }
        // What is left is the beginning of a header, or nothing: the next message may begin behind the end.
        const left = Math.max(0, end - next);
        if (left > 0) octets.copyWithin(0, next, end);
        next = Math.max(0, next - end);
        end = left;
        if (full && octets.length < LENGTH && this.#open <= FEW) {
          const larger = new Uint8Array(LENGTH);
          larger.set(octets.subarray(0, end));
          octets = larger;
          view = new DataView(octets.buffer);
        }
        this.#look(false);
      }
      if (next !== 0 || end !== 0) this.#whole = false;
    } catch {
      // Looking whether a relay listens makes it open a connection, too, which it may reset: nothing is lost by that.
      if (brought) this.#whole = false;
    } finally {
      connection.close();
      if (brought) {
        this.#open--;
        this.#look(true);
      }
    }
  }

  #look(ended: boolean): void {
    if (this.#messages < this.#wanted && !(ended && this.#open === 0)) return;
    this.#wanted = Infinity;
    this.#reached(this.arrived);
  }
}

if (import.meta.main) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sink = new Sink();
  await writeLine(String(listener.addr.port));
  (async () => {
    for await (const connection of connections(listener)) sink.drain(connection);
  })();
  for await (const line of linesOf(Deno.stdin.readable)) {
    await writeLine(JSON.stringify(await sink.until(Number(line))));
  }
  Deno.exit();
}
