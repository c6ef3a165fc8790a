/** What the tests of this folder share beside processes. */
import type { Connection } from "../../src/proxy/connection.ts";
import { TcpConnection } from "../../src/proxy/tcp_connection.ts";
import { dataMessage, join, templateMessage } from "../../src/proxy/test_messages.ts";
import { dialTls } from "../../src/proxy/tls_connection.ts";
import { checkTlsMaterial, type TlsFiles } from "../../src/proxy/tls_credentials.ts";
import type { Authority, Issued } from "../support/certificates.ts";

/** Octets of a record's message, as Agents send them. */
export const RECORD_OCTETS = 330;
/** Name under which collectors and listeners of these tests are verified. */
export const SERVER_NAME = "flow-aggregator.svc";

/** Sends numbered records for as long as it is wanted, in an even load; slower where they are not taken. */
export class Exporter {
  /** Number of the next record: all before it are with the kernel. */
  next = 0;
  failure: unknown;
  #stop = false;
  readonly #done: Promise<void>;

  /** @param perBurst records every 20 ms */
  constructor(readonly connection: Connection, readonly perBurst = 100) {
    this.#done = this.#send().catch((error) => {
      this.failure = error;
    });
  }

  /** Sends no more, and says so. */
  async stop(): Promise<void> {
    this.#stop = true;
    await this.#done;
    await this.connection.closeWrite();
  }

  async #send(): Promise<void> {
    await writeAll(this.connection, templateMessage());
    while (!this.#stop) {
      const { next, perBurst } = this;
      const records = Array.from({ length: perBurst }, (_, index) => dataMessage(next + index, RECORD_OCTETS));
      await writeAll(this.connection, join(...records));
      this.next += perBurst;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export async function writeAll(connection: Pick<Connection, "write">, octets: Uint8Array): Promise<void> {
  for (let sent = 0; sent < octets.length;) sent += await connection.write(octets.subarray(sent));
}

export async function connectTcp(port: number): Promise<Connection> {
  return new TcpConnection(await Deno.connect({ hostname: "127.0.0.1", port }));
}

/** Resolves once the handshake is done. */
export function connectTls(port: number, authority: Authority, agent: Issued): Promise<Connection> {
  const credentials = { material: checkTlsMaterial({ ...agent, ca: authority.pem }), onChange: () => () => {} };
  const options = { credentials, serverName: SERVER_NAME };
  return dialTls({ hostname: "127.0.0.1", port }, options, AbortSignal.timeout(10_000));
}

/** Writes PEM texts into files; gives the paths. */
export async function writeFiles(folder: string, name: string, pem: TlsFiles): Promise<TlsFiles> {
  const paths: Record<string, string> = {};
  for (const [role, text] of Object.entries(pem)) {
    const path = `${folder}/${name}-${role}.pem`;
    await Deno.writeTextFile(path, text);
    paths[role] = path;
  }
  return paths;
}

/** Says a figure that people want to see, on standard error. */
export function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Lets a little time pass between two looks at something that only time changes. */
export function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
