import { TextLineStream } from "../support/processes/text_lines.ts";

/** What a program is started with, besides its arguments. */
export type ChildOptions = Pick<Deno.CommandOptions, "cwd" | "env">;

/** As in the image: whatever authorities the machine trusts, Deno would keep them for each connection that it dials over TLS. */
const WITHOUT_AUTHORITIES = { DENO_TLS_CA_STORE: "", NODE_EXTRA_CA_CERTS: "" };

/** A program that the bench started. */
export class Child {
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #complaints: Promise<string>;

  constructor(readonly name: string, command: string, args: readonly string[], options: ChildOptions = {}) {
    this.#process = new Deno.Command(command, {
      ...options,
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#process.pid;
    this.#lines = linesOf(this.#process.stdout).getReader();
    this.#input = this.#process.stdin.getWriter();
    this.#complaints = lastOf(this.#process.stderr);
  }

  /** Runs one of this project's programs. */
  static deno(name: string, module: string, args: readonly string[], flags: readonly string[] = []): Child {
    const path = new URL(module, import.meta.url).pathname;
    const options = { env: WITHOUT_AUTHORITIES };
    return new Child(name, Deno.execPath(), ["run", ...flags, "--allow-all", "--no-prompt", path, ...args], options);
  }

  /** The next line of its output. @throws when it ends without one, with what it said */
  async line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value !== undefined) return value;
    throw new Error(`${this.name} ended: ${(await this.#complaints).trim()}`);
  }

  /** Writes a line to its input and waits for the line that answers. @throws as {@link line} */
  async ask(line: string): Promise<string> {
    // Where it has ended, reading tells why.
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
    return await this.line();
  }

  /** Resolves when a connection to this port is taken. @throws when the program ends before, with what it said */
  async listensOn(port: number): Promise<void> {
    let ended = false;
    this.#process.status.then(() => ended = true);
    while (true) {
      if (ended) throw new Error(`${this.name} ended: ${(await this.#complaints).trim()}`);
      try {
        return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Ends it and waits for that. */
  async end(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* It has ended by itself. */ }
    await this.#process.status;
    await this.#input.abort().catch(() => {});
    await this.#lines.cancel();
    await this.#complaints;
  }
}

/** The last few thousand characters of a stream. */
async function lastOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) text = (text + part).slice(-4000);
  return text;
}

/** The lines of a stream of octets, one by one. */
export function linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  return stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
}

/** Below those that Linux gives to outgoing connections (from 32768): one of these could take a port before who it is for does. */
const [FIRST_PORT, LAST_PORT] = [15_000, 32_000];

/** A port that is free now. @throws where none of a hundred is */
export function freePort(): number {
  for (let attempt = 0;; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || attempt === 100) throw error;
    }
  }
}
