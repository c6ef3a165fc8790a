import { fileURLToPath } from "node:url";
import { z } from "zod";
import { errorMessage, systemReason } from "../error_message.ts";
import { readTextFileNow } from "../text_file.ts";
import { filesOf } from "./plugin_graph.ts";
import type { Bounds } from "./watchdog.ts";
import { readLines, readOutput } from "./process_output.ts";
import type { ProfileData } from "./profile_data.ts";
import type { Answer, OptionMistake, Question } from "./protocol.ts";
import { RememberedAnswers } from "./remembered_answers.ts";

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
  /** MiB of the whole process, array buffers and Deno itself included. */
  readonly memory?: number;
  /** Milliseconds until its first line. */
  readonly startTimeout?: number;
  /** Receives what the plugin prints, line by line. */
  readonly onOutput: (line: string) => void;
}

const HEAP = 64;
const MEMORY = 192;
const START_TIMEOUT = 10_000;
const FIRST_BACKOFF = 500;
const LARGEST_BACKOFF = 30_000;
/** Printed lines that are passed on from one process in a second. */
const OUTPUT_LINES = 10;
const CLOSED = "its process has ended with the configuration";

/** A question that waits for its answer. */
interface Waiting {
  readonly question: Question;
  readonly timeout: number;
  readonly resolve: (answer: Answer) => void;
  /** Gives up while it is not being answered: it has waited for others. */
  readonly cancel: () => void;
}

/**
 * A plugin's module in a process of its own: it may read its own modules, has a heap of its own, is killed when it does
 * not answer in time, and started again: at once, since another question may suit it, or with backoff where it does not
 * even start. It is asked one question at a time, so that a question alone is to blame for what happens meanwhile.
 * Whatever goes wrong is the answer to that question; nothing throws.
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
  /** The number of the last question. */
  #asked = 0;
  #retryAt = 0;
  /** What it may read. */
  #files: readonly string[] | undefined;
  /** The module's text when the first process was started; undefined where it is in no file. */
  #text: string | undefined;
  /** What it printed of an error. */
  #lastWords: string | undefined;
  /** Those that the process was sent, each with its number. */
  readonly #profiles = new Map<ProfileData, number>();
  /** The first message to a new process: its instances. */
  readonly #creations = new Map<number, Question>();
  /** Why a new process has not made an instance that an earlier one had. */
  readonly #uncreated = new Map<number, Answer>();
  /** What it has been asked before. */
  readonly answers = new RememberedAnswers();

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
    if (this.#closed) return Promise.resolve({ error: CLOSED });
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
      resolve({ error: CLOSED });
    }
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      next.cancel();
      next.resolve(await this.#answer(next).catch((error) => ({ error: errorMessage(error) })));
    }
    this.#busy = false;
  }

  async #answer({ question, timeout }: Waiting): Promise<Answer> {
    const failure = await this.#ready() ?? this.#uncreated.get(question.instance);
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
    for (const [instance, creation] of this.#creations) {
      const answer = await this.#exchange(creation, START_TIMEOUT);
      const refusal = "mistakes" in answer
        ? { error: `it no longer takes its options: ${answer.mistakes[0]?.message}` }
        : answer;
      if (this.#child === undefined) return "error" in refusal ? refusal : { error: "its process ended" };
      if ("error" in refusal) this.#uncreated.set(instance, refusal);
    }
    return undefined;
  }

  /** One question, one line. The process does not survive a question that it cannot answer in time or in form. */
  async #exchange(question: Question, timeout: number): Promise<Answer> {
    const number = ++this.#asked;
    const octets = new TextEncoder().encode(`${JSON.stringify({ ...this.#brief(question), number })}\n`);
    const line = this.#nextLine(timeout);
    this.#input?.write(octets).catch(() => {});
    const answer = parse(await line, number);
    if (answer !== undefined) {
      this.#failures = 0;
      return answer;
    }
    const text = await line;
    this.#failed();
    if (this.#closed) return { error: CLOSED };
    if (text === undefined) return { error: `its process ended, or did not answer within ${timeout} ms` };
    return { error: `its process wrote something other than an answer: ${JSON.stringify(text.slice(0, 80))}` };
  }

  /** Hundreds of instances have the same profile, which is long: a process gets it once. */
  #brief(question: Question): Question {
    if (question.ask !== "create" || typeof question.profile === "number") return question;
    const sent = this.#profiles.get(question.profile);
    if (sent !== undefined) return { ...question, profile: sent };
    this.#profiles.set(question.profile, this.#profiles.size);
    return question;
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
    const { specifier, command, denoConfiguration, startTimeout = START_TIMEOUT } = this.#options;
    const { heap = HEAP, memory = MEMORY } = this.#options;
    const program = `import { servePlugin } from ${JSON.stringify(childModule())};
await servePlugin(${JSON.stringify(specifier)}, ${JSON.stringify({ memory, parent: Deno.pid } satisfies Bounds)});`;
    const configuration = denoConfiguration === undefined ? "--no-config" : `--config=${denoConfiguration}`;
    this.#lastWords = undefined;
    this.#profiles.clear();
    this.#uncreated.clear();
    try {
      const text = textOf(specifier);
      // A configuration with what it is now has yet to be read, or was refused.
      if (this.#files !== undefined && text !== this.#text) {
        return { error: "its file has changed since the configuration in force was read" };
      }
      this.#text = text;
      this.#files ??= await filesOf(specifier, command, [configuration], startTimeout);
      const withComma = this.#files.find((file) => file.includes(","));
      if (withComma !== undefined) {
        return { error: `a list of Deno's permissions cannot name ${withComma}: it has a comma` };
      }
      if (this.#closed) return { error: CLOSED };
      const child = this.#child = new Deno.Command(command, {
        // What the main module imports needs no permission, and the plugin is not among it.
        args: [
          "run",
          "--quiet",
          "--no-prompt",
          "--cached-only",
          "--no-lock",
          configuration,
          ...(this.#files.length === 0 ? [] : [`--allow-read=${this.#files.join(",")}`]),
          `--v8-flags=--max-old-space-size=${heap}`,
          `data:application/typescript,${encodeURIComponent(program)}`,
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      this.#input = child.stdin.getWriter();
      void readLines(child.stdout, (line) => this.#heard(child, line)).finally(() => this.#ended(child));
      void this.#passOn(child.stderr);
      void child.status;
    } catch (error) {
      return { error: `its process cannot be started: ${systemReason(error)}` };
    }
    const line = await this.#nextLine(startTimeout);
    return parse(line, 0) ??
      { error: this.#lastWords ?? `its process ended, or did not start within ${startTimeout} ms` };
  }

  #passOn(stderr: ReadableStream<Uint8Array>): Promise<void> {
    let second = 0;
    let lines = 0;
    return readOutput(stderr, (line) => {
      if (this.#lastWords === undefined && /error/i.test(line)) this.#lastWords = line;
      const now = Math.floor(performance.now() / 1000);
      if (now !== second) [second, lines] = [now, 0];
      if (lines++ < OUTPUT_LINES) this.#options.onOutput(line);
    });
  }

  #heard(child: Deno.ChildProcess, line: string): void {
    if (this.#child !== child) return;
    if (this.#onLine !== undefined) return this.#onLine(line);
    this.#options.onOutput("its process is ended: it wrote what it was not asked for");
    this.#kill();
    this.#hello = undefined;
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

  /** Its output has ended: with the process or, if it closed it, before. Either way it can answer no more. */
  #ended(child: Deno.ChildProcess): void {
    if (this.#child !== child) return;
    if (this.#onLine === undefined) this.#options.onOutput("its process ended while it was asked nothing");
    this.#kill();
    this.#hello = undefined;
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

/** The text of a module in a file; undefined where it is in none. @throws Error where the file cannot be read */
function textOf(specifier: string): string | undefined {
  return specifier.startsWith("file:") ? readTextFileNow(fileURLToPath(specifier)) : undefined;
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

/** Characters of an error that are passed on. */
const ERROR_LENGTH = 2_000;

const MISTAKES: z.ZodType<readonly OptionMistake[]> = z.array(z.object({
  path: z.array(z.union([z.string(), z.number()])),
  message: z.string(),
  at: z.enum(["value", "key"]),
}));

/** The answer to a question; undefined: the line is none, such as a late one to the question before. */
function parse(line: string | undefined, number: number): Answer | undefined {
  if (line === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return undefined;
    if (!("number" in value) || value.number !== number) return undefined;
    if ("value" in value) return { value: value.value };
    if ("mistakes" in value) {
      const { success, data } = MISTAKES.safeParse(value.mistakes);
      return success ? { mistakes: data } : undefined;
    }
    return "error" in value && typeof value.error === "string"
      ? { error: value.error.slice(0, ERROR_LENGTH) }
      : undefined;
  } catch {
    return undefined;
  }
}
