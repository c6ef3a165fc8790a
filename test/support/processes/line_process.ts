import { LineCutter } from "./text_lines.ts";

/** How a process ended. */
export interface Ending {
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** A child process that reads and writes lines, which can be awaited without polling. */
export class LineProcess implements AsyncDisposable {
  /** All lines so far. */
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** Set once the process has ended and all its lines have been read. */
  ending: Ending | undefined;

  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #done: Promise<Ending>;
  readonly #encoder = new TextEncoder();
  #changed = Promise.withResolvers<void>();

  constructor(command: string, args: readonly string[], options: Pick<Deno.CommandOptions, "cwd" | "env"> = {}) {
    this.#child = new Deno.Command(command, {
      ...options,
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#done = this.#finish([
      this.#read(this.#child.stdout, this.stdout),
      this.#read(this.#child.stderr, this.stderr),
    ]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Writes one line; a process that is gone takes none, which its ending shows. */
  async write(line: string): Promise<void> {
    if (this.ending !== undefined) return;
    try {
      await this.#input.write(this.#encoder.encode(`${line}\n`));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  /** Ends the standard input and waits for the process to leave by itself. */
  async end(): Promise<Ending> {
    await this.#input.close().catch(() => {});
    return await this.#done;
  }

  /** Sends a signal and goes on. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends a signal, `SIGKILL` by default, and waits for the end. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<Ending> {
    if (this.ending === undefined) {
      try {
        this.#child.kill(signal);
      } catch (error) {
        // It ended by itself in the meantime.
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    const ending = await this.#done;
    await this.#input.abort().catch(() => {});
    return ending;
  }

  /**
   * Waits until a condition holds, looking at it after each line and after the end.
   *
   * @param milliseconds how long to wait; without it, for as long as the process runs
   * @returns false if it still does not hold after that time, or at the end of the process
   */
  async until(condition: () => boolean, milliseconds?: number): Promise<boolean> {
    const late = Promise.withResolvers<"late">();
    const timer = milliseconds === undefined ? undefined : setTimeout(() => late.resolve("late"), milliseconds);
    try {
      while (!condition()) {
        if (this.ending !== undefined) return false;
        if (await Promise.race([this.#changed.promise, late.promise]) === "late") return condition();
      }
      return true;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, lines: string[]): Promise<void> {
    const cutter = new LineCutter();
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const cut = cutter.cut(text);
      if (cut.length === 0) continue;
      lines.push(...cut);
      this.#notify();
    }
    if (cutter.rest !== "") lines.push(cutter.rest);
  }

  async #finish(readers: Promise<void>[]): Promise<Ending> {
    const status = await this.#child.status;
    await Promise.all(readers);
    this.ending = { code: status.code, signal: status.signal };
    this.#notify();
    return this.ending;
  }
}
