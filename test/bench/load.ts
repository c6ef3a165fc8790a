/**
 * An exporter at full speed: sends the templates and then blocks of whole messages, prints what it sent as JSON.
 *
 * Usage: load.ts PORT PROFILE IPv4|both RECORDS_PER_MESSAGE GIGABYTES
 *
 * @module
 */
import { writeLine } from "../../src/commands/terminal.ts";
import { loadProfile } from "../../src/config/profiles.ts";
import { Workload } from "./workload.ts";

/** What was sent. */
export interface Sent {
  readonly octets: number;
  readonly messages: number;
  readonly records: number;
  /** From the first octet written until the other side has closed, too. */
  readonly seconds: number;
}

const [port = "", profile = "", families = "", recordsPerMessage = "", gigabytes = ""] = Deno.args;
if (families !== "IPv4" && families !== "both") throw new Error(`${families}: neither IPv4 nor both`);
const workload = new Workload(loadProfile(profile), { families, recordsPerMessage: Number(recordsPerMessage) });
const blocks = Math.max(1, Math.round(Number(gigabytes) * 1e9 / workload.block.length));
const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
connection.setNoDelay(true);

async function send(octets: Uint8Array): Promise<void> {
  for (let written = 0; written < octets.length;) written += await connection.write(octets.subarray(written));
}

const start = performance.now();
await send(workload.templates);
for (let block = 0; block < blocks; block++) {
  workload.advance();
  await send(workload.block);
}
await connection.closeWrite();
// Nothing comes back but the end, once all is through.
await connection.readable.pipeTo(new WritableStream()).catch(() => {});
const seconds = (performance.now() - start) / 1000;
const templates = new DataView(workload.templates.buffer);
let messages = blocks * workload.messages;
for (let offset = 0; offset < workload.templates.length; offset += templates.getUint16(offset + 2)) messages++;
const sent: Sent = {
  octets: workload.templates.length + blocks * workload.block.length,
  messages,
  records: blocks * workload.records,
  seconds,
};
await writeLine(JSON.stringify(sent));
