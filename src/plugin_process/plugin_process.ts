import { errorMessage } from "../error_message.ts";
import { type Answer, MAXIMUM_LINE, type Question } from "./protocol.ts";

/** How a plugin's process is started. */
export interface PluginProcessOptions {
  /** The plugin, as the configuration names it. */
  readonly name: string;
  /** The module's URL or npm specifier. */
  readonly specifier: string;
  /** Deno's program. */
  readonly command: string;
  /** The configuration file of Deno that maps `@ipfix-skew-proxy/proxy/plugin`; undefined: none. */
  readonly denoConfiguration?: string;
  /** MiB of its heap. */
  readonly heap?: number;
  /** Milliseconds until its first line. */
  readonly startTimeout?: number;
  /** Receives what the plugin prints, line by line. */
  readonly onOutput: (line: string) => void;
}

const HEAP = 64;
const START_TIMEOUT = 10_000;
const FIRST_BACKOFF = 500;
const LARGEST_BACKOFF = 30_000;
/** Printed lines that are passed on from one process in a second, and the octets of each. */
const OUTPUT_LINES = 10;
const OUTPUT_LENGTH = 1024;

/** A question that waits for its answer. */
interface Waiting {
  readonly question: Question;
  readonly timeout: number;
  readonly resolve: (answer: Answer) => void;
  /** Gives up while it is not being answered: it has waited for others. */
  readonly cancel: () => void;
}

/**
 * A plugin's module in a process of its own: without permissions, with a heap of its own, killed when it does not
 * answer in time, and started again with backoff. It is asked one question at a time, so that a question alone is to
 * blame for what happens meanwhile. Whatever goes wrong is the answer to that question; nothing throws.
 */
export class PluginProcess {
  readonly #options: PluginProcessOptions;
  #child: Deno.ChildProcess | undefined;
  #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Resolves the process's next line; undefined while none is expected. */
  #onLine: ((line: string | undefined) => void) | undefined;
  #hello: Promise<Answer> | undefined;
  readonly #queue: Waiting[] = [];
  #busy = false;
  #closed = false;
  #failures = 0;
  #retryAt = 0;
  /** The first message to a new process: its instances. */
  readonly #creations = new Map<number, Question>();

  constructor(options: PluginProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Starts the process. Its first line: a name and a summary, or why the module is no plugin. */
  start(): Promise<Answer> {
    return this.#hello ??= this.#start();
  }

  /**
   * Asks a question.
   *
   * @param timeout milliseconds that an answer may take; once for those asked before, once for this one
   */
  ask(question: Question, timeout: number): Promise<Answer> {
    if (this.#closed) return Promise.resolve({ error: "its process has ended with the configuration" });
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const place = this.#queue.indexOf(waiting);
        if (place < 0) return;
        this.#queue.splice(place, 1);
        resolve({ error: `it was busy for ${timeout} ms with other templates` });
      }, timeout);
      const waiting: Waiting = { question, timeout, resolve, cancel: () => clearTimeout(timer) };
      this.#queue.push(waiting);
      void this.#work();
    });
  }

  /** Ends the process. */
  close(): void {
    this.#closed = true;
    this.#kill();
    for (const { resolve, cancel } of this.#queue.splice(0)) {
      cancel();
      resolve({ error: "its process has ended with the configuration" });
    }
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      next.cancel();
      next.resolve(await this.#answer(next));
    }
    this.#busy = false;
  }

  async #answer({ question, timeout }: Waiting): Promise<Answer> {
    const failure = await this.#ready();
    if (failure !== undefined) return failure;
    const answer = await this.#exchange(question, timeout);
    if (question.ask === "create" && "value" in answer) this.#creations.set(question.instance, question);
    return answer;
  }

  /** A running process that has its instances. Undefined: it is there. */
  async #ready(): Promise<Answer | undefined> {
    if (this.#child !== undefined) return undefined;
    const wait = this.#retryAt - performance.now();
    if (wait > 0) return { error: `its process ended and is started again in ${Math.ceil(wait / 1000)} s` };
    const hello = await this.start();
    if ("error" in hello) {
      this.#failed();
      return hello;
    }
    for (const creation of this.#creations.values()) {
      const answer = await this.#exchange(creation, START_TIMEOUT);
      if (!("value" in answer)) return "error" in answer ? answer : { error: "it no longer takes its options" };
    }
    return undefined;
  }

  /** One question, one line. The process does not survive a question that it cannot answer in time or in form. */
  async #exchange(question: Question, timeout: number): Promise<Answer> {
    const line = this.#nextLine(timeout);
    const octets = new TextEncoder().encode(`${JSON.stringify(question)}\n`);
    this.#input?.write(octets).catch(() => {});
    const answer = parse(await line);
    if (answer !== undefined) {
      this.#failures = 0;
      return answer;
    }
    const text = await line;
    this.#failed();
    if (text === undefined) return { error: `its process ended, or did not answer within ${timeout} ms` };
    return { error: `its process wrote something other than an answer: ${JSON.stringify(text.slice(0, 80))}` };
  }

  #failed(): void {
    this.#kill();
    this.#hello = undefined;
    // The first time, it is started again at once.
    const delay = this.#failures === 0 ? 0 : Math.min(FIRST_BACKOFF * 2 ** this.#failures, LARGEST_BACKOFF);
    this.#failures++;
    this.#retryAt = performance.now() + delay;
  }

  async #start(): Promise<Answer> {
    const { specifier, command, denoConfiguration, heap = HEAP, startTimeout = START_TIMEOUT } = this.#options;
    const main = childModule();
    const program = `import { servePlugin } from ${JSON.stringify(main)};
import definition from ${JSON.stringify(specifier)};
await servePlugin(definition);`;
    try {
      const child = this.#child = new Deno.Command(command, {
        // The main module's imports need no permission; nothing has any.
        args: [
          "run",
          "--quiet",
          "--no-prompt",
          "--cached-only",
          "--no-lock",
          ...(denoConfiguration === undefined ? ["--no-config"] : [`--config=${denoConfiguration}`]),
          `--v8-flags=--max-old-space-size=${heap}`,
          `data:application/typescript,${encodeURIComponent(program)}`,
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      this.#input = child.stdin.getWriter();
      void readLines(child.stdout, MAXIMUM_LINE, (line) => this.#child === child && this.#onLine?.(line))
        .finally(() => this.#ended(child));
      void this.#passOn(child.stderr);
      void child.status;
    } catch (error) {
      return { error: `its process cannot be started: ${errorMessage(error)}` };
    }
    const line = await this.#nextLine(startTimeout);
    return parse(line) ?? { error: this.#lastWords ?? `its process did not start within ${startTimeout} ms` };
  }

  #lastWords: string | undefined;

  async #passOn(stderr: ReadableStream<Uint8Array>): Promise<void> {
    let second = 0;
    let lines = 0;
    await readLines(stderr, MAXIMUM_LINE, (line) => {
      if (this.#lastWords === undefined && /error/i.test(line)) this.#lastWords = plain(line).slice(0, OUTPUT_LENGTH);
      const now = Math.floor(performance.now() / 1000);
      if (now !== second) [second, lines] = [now, 0];
      if (lines++ < OUTPUT_LINES) this.#options.onOutput(plain(line).slice(0, OUTPUT_LENGTH));
    });
  }

  #nextLine(timeout: number): Promise<string | undefined> {
    if (this.#child === undefined) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(() => this.#onLine?.(undefined), timeout);
    this.#onLine = (line) => {
      clearTimeout(timer);
      this.#onLine = undefined;
      resolve(line);
    };
    return promise;
  }

  #ended(child: Deno.ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#hello = undefined;
    this.#onLine?.(undefined);
  }

  #kill(): void {
    const child = this.#child;
    this.#child = undefined;
    this.#onLine?.(undefined);
    this.#input?.close().catch(() => {});
    this.#input = undefined;
    try {
      child?.kill("SIGKILL");
    } catch { /* It has ended. */ }
  }
}

/** What runs in the process: a module of the sources or, in a bundle, the file beside it. */
function childModule(): string {
  const source = new URL("./child.ts", import.meta.url);
  try {
    Deno.statSync(source);
    return source.href;
  } catch {
    return new URL("./plugin_child.js", import.meta.url).href;
  }
}

function parse(line: string | undefined): Answer | undefined {
  if (line === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return undefined;
    return "value" in value || "mistakes" in value || "error" in value ? value as Answer : undefined;
  } catch {
    return undefined;
  }
}

/** Without colours and other escape sequences. */
function plain(line: string): string {
  // deno-lint-ignore no-control-regex
  return line.replaceAll(/\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, "");
}

/** Reads lines until the end. A longer one than allowed is given up to its limit, and nothing behind it is read. */
async function readLines(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  onLine: (line: string) => void,
): Promise<void> {
  let text = "";
  try {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)) {
      text += chunk;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) onLine(line);
      if (text.length > limit) return onLine(text.slice(0, limit));
    }
  } catch { /* The process was killed. */ }
}
