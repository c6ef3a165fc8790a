/** Runs the program as a person does: a process of its own, with the permissions of its task. */
import project from "../../../deno.json" with { type: "json" };
import { PATIENCE } from "../time/until.ts";

/** What a command came to. */
export interface CommandOutcome {
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
  /** Standard output as text. */
  readonly text: string;
}

export interface RunOptions {
  readonly stdin?: Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
}

const ROOT = new URL("../../../", import.meta.url);
const TASKS: Readonly<Record<string, string>> = project.tasks;

/** The arguments of `deno` with which a task runs its command. */
export function denoArguments(command: string, args: readonly string[]): string[] {
  const task = TASKS[command] ?? "deno run --quiet --no-prompt -P=offline src/main.ts";
  // What the task runner's shell would put there.
  const [program, ...given] = task.replace(`"$(deno eval -p 'Deno.execPath()')"`, Deno.execPath()).split(" ");
  if (program !== "deno") throw new Error(`task ${command} does not run deno`);
  return [...given, ...(command in TASKS ? [] : [command]), ...args];
}

/** Starts the command; its standard output and error are pipes. */
export function startCommand(command: string, args: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: denoArguments(command, args),
    cwd: ROOT,
    env: { NO_COLOR: "", ...options.environment },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Milliseconds after which a command hangs that was to end by itself. */
const LONGEST = 5 * PATIENCE;

/** Runs the command to its end, and ends it where it hangs. */
export async function runCommand(
  command: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<CommandOutcome> {
  const child = startCommand(command, args, options);
  const feed = async () => {
    const writer = child.stdin.getWriter();
    try {
      if (options.stdin !== undefined) await writer.write(options.stdin);
      await writer.close();
    } catch {
      // It ended before it had read all: what it says of that is looked at instead.
    }
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST);
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed()]).finally(() => clearTimeout(timer));
  const decoder = new TextDecoder();
  return { status: code, stdout, text: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
