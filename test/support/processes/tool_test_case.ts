/** Tests that need a program which is not part of this project. */

/** A program, and how to get it. */
export interface Tool {
  readonly program: string;
  /** What to do where it is missing, as an imperative: `install the Debian package tshark`. */
  readonly remedy: string;
}

/** A program of the Debian package of this name. */
export function debianTool(program: string, debianPackage = program): Tool {
  return { program, remedy: `install the Debian package ${debianPackage}` };
}

/** What go-ipfix peers are built with. */
export const GO: Tool = { program: "go", remedy: "install Go 1.26, or 1.21 or later, which fetches it" };

/** Where the program is, as a shell would find it; undefined where it is nowhere in `PATH`. */
export function findProgram(program: string): string | undefined {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    try {
      const path = `${directory}/${program}`;
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) throw error;
    }
  }
  return undefined;
}

/** Why a test that needs the tool is skipped: `tshark is not installed (install …)`; undefined where it can run. */
export function reasonToSkip({ program, remedy }: Tool): string | undefined {
  return findProgram(program) === undefined ? `${program} is not installed: ${remedy}` : undefined;
}

/**
 * Declares a test that runs a program. Where the program is missing, the test is skipped, and its name says why and how
 * to get it. With `CI=true` nothing is skipped: the test fails instead.
 */
export function toolTest(
  tool: Tool,
  name: string,
  fn: () => Promise<void>,
  options: Pick<Deno.TestDefinition, "sanitizeOps" | "sanitizeResources"> = {},
): void {
  const reason = Deno.env.get("CI") === "true" ? undefined : reasonToSkip(tool);
  const skipped = reason === undefined ? { name } : { name: `${name} [skipped: ${reason}]`, ignore: true };
  Deno.test({ ...options, ...skipped, fn });
}

/**
 * What a program writes to its standard output and error.
 *
 * @throws {Error} with its words where it does not end with status 0
 */
export async function runTool(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { success, code, signal, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { TZ: "UTC", LC_ALL: "C.UTF-8" },
    stdin: "null",
  }).output();
  const words = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${program} ended with ${signal ?? code}: ${words}`);
  return { stdout: new TextDecoder().decode(stdout), stderr: words };
}
