/**
 * A collector that only counts: prints its port, then what every connection brought, as a line of JSON each.
 *
 * @module
 */
import { writeLine } from "../../src/commands/terminal.ts";
import { MESSAGE_HEADER_LENGTH } from "../../src/ipfix/message_header.ts";
import { connections } from "./connections.ts";

/** What one connection brought. */
export interface Arrived {
  readonly octets: number;
  readonly messages: number;
  /** False: the stream ended inside a message, or broke off. */
  readonly whole: boolean;
}

const LENGTH = 512 * 1024;

/** Counts messages by their lengths, without looking at anything else. */
export async function drainConnection(connection: Deno.TcpConn): Promise<Arrived> {
  const octets = new Uint8Array(LENGTH);
  const view = new DataView(octets.buffer);
  let total = 0;
  let messages = 0;
  let next = 0;
  let end = 0;
  try {
    for (let length; (length = await connection.read(octets.subarray(end))) !== null;) {
      total += length;
      end += length;
      while (next + MESSAGE_HEADER_LENGTH <= end) {
        next += Math.max(MESSAGE_HEADER_LENGTH, view.getUint16(next + 2));
        messages++;
      }
      // What is left is the beginning of a header, or nothing: the next message may begin behind the end.
      const left = Math.max(0, end - next);
      if (left > 0) octets.copyWithin(0, next, end);
      next = Math.max(0, next - end);
      end = left;
    }
  } catch {
    return { octets: total, messages, whole: false };
  } finally {
    connection.close();
  }
  return { octets: total, messages, whole: next === 0 && end === 0 };
}

if (import.meta.main) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await writeLine(String(listener.addr.port));
  for await (const connection of connections(listener)) {
    drainConnection(connection).then((arrived) => writeLine(JSON.stringify(arrived)));
  }
}
