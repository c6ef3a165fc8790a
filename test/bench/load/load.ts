/**
 * An exporter at full speed: sends the templates and then blocks of whole messages. Says what it has sent as JSON after
 * warming up, and again at the end; goes on after the first when a line comes on standard input. Many exporters:
 * `go/ends`.
 *
 * Usage: load.ts PORT LOAD (JSON)
 *
 * @module
 */
import { writeLine } from "../../../src/terminal/terminal.ts";
import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { linesOf } from "../../support/processes/text_lines.ts";
import { messagesOf, Workload, type WorkloadOptions } from "./workload.ts";

/** What is sent. */
export interface Load extends WorkloadOptions {
  /** The exporters' release. */
  readonly profile: string;
  /** Octets in all, before what is measured and then measured. */
  readonly warmUp: number;
  readonly octets: number;
}

/** What was sent in all. */
export interface Sent {
  readonly octets: number;
  readonly messages: number;
  readonly records: number;
  /** Suite and group that the first exporter and what is measured have agreed on. */
  readonly negotiated?: string;
}

async function open(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  return connection;
}

async function send(connection: Deno.TcpConn, octets: Uint8Array): Promise<void> {
  for (let written = 0; written < octets.length;) written += await connection.write(octets.subarray(written));
}

async function run(port: number, load: Load): Promise<void> {
  const { profile, families, recordsPerMessage, warmUp, octets } = load;
  const workload = new Workload(loadProfile(profile), { families, recordsPerMessage });
  const connection = await open(port);
  const sent = { octets: 0, messages: 0, records: 0 };
  const sendCounted = async (octets: Uint8Array, messages: number, records: number) => {
    await send(connection, octets);
    sent.octets += octets.length;
    sent.messages += messages;
    sent.records += records;
  };
  const sendBlocks = async (octets: number) => {
    const blocks = Math.max(1, Math.round(octets / workload.block.length));
    for (let block = 0; block < blocks; block++) {
      workload.advance();
      await sendCounted(workload.block, workload.messages, workload.records);
    }
  };
  await sendCounted(workload.templates, [...messagesOf(workload.templates)].length, 0);
  await sendBlocks(warmUp);
  await writeLine(JSON.stringify(sent satisfies Sent));
  for await (const _line of linesOf(Deno.stdin.readable)) break;
  await sendBlocks(octets);
  await connection.closeWrite();
  await writeLine(JSON.stringify(sent satisfies Sent));
  // A connection that is left with something unread is reset, and what is still under way with it.
  await connection.readable.pipeTo(new WritableStream()).catch(() => {});
}

if (import.meta.main) {
  const [port, load] = Deno.args;
  if (load === undefined) throw new Error("usage: load.ts PORT LOAD");
  await run(Number(port), JSON.parse(load));
}
