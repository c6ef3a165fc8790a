import { fileURLToPath } from "node:url";
import { LineProcess } from "../support/processes/line_process.ts";

/** What a program is started with, besides its arguments. */
export type ChildOptions = Pick<Deno.CommandOptions, "cwd" | "env">;

/**
 * As in the image: whatever authorities the machine trusts, Deno would keep them for each connection that it dials over
 * TLS.
 */
const WITHOUT_AUTHORITIES = { DENO_TLS_CA_STORE: "", NODE_EXTRA_CA_CERTS: "" };

/** A program that the bench started, which answers in lines. */
export class Child {
  readonly #process: LineProcess;
  /** Lines of its output that were taken. */
  #taken = 0;

  constructor(readonly name: string, command: string, args: readonly string[], options: ChildOptions = {}) {
    this.#process = new LineProcess(command, args, options);
  }

  /** Runs one of this project's programs. */
  static deno(name: string, module: string, args: readonly string[], flags: readonly string[] = []): Child {
    const path = fileURLToPath(new URL(module, import.meta.url));
    const options = { env: WITHOUT_AUTHORITIES };
    return new Child(name, Deno.execPath(), ["run", ...flags, "--allow-all", "--no-prompt", path, ...args], options);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The next line of its output. @throws when it ends without one, with what it said on standard error */
  async line(): Promise<string> {
    const { stdout } = this.#process;
    await this.#process.until(() => stdout.length > this.#taken);
    const line = stdout[this.#taken++];
    if (line === undefined) throw this.#ended();
    return line;
  }

  /** Writes a line to its input and waits for the line that answers. @throws as {@link line} */
  async ask(line: string): Promise<string> {
    await this.#process.write(line);
    return await this.line();
  }

  /** Resolves when a connection to this port is taken. @throws when the program ends before, as {@link line} */
  async listensOn(port: number): Promise<void> {
    while (this.#process.ending === undefined) {
      try {
        return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    throw this.#ended();
  }

  /** Ends it and waits for that. */
  async end(): Promise<void> {
    await this.#process.kill();
  }

  #ended(): Error {
    return new Error(`${this.name} ended: ${this.#process.stderr.join("\n").slice(-4_000).trim()}`);
  }
}
