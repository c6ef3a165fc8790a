/** Tests that need a program which is not part of this project. */

const told = new Set<string>();

/** Whether a program can be started. */
function isInstalled(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--version"], stdin: "null", stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Declares a test that runs a program. Where that is missing the test is skipped, with one line that says so; where `CI` is `true`
 * nothing is skipped, so that it fails there instead.
 */
export function toolTest(program: string, debianPackage: string, name: string, run: () => Promise<void>): void {
  const ignore = Deno.env.get("CI") !== "true" && !isInstalled(program);
  if (ignore && !told.has(program)) {
    told.add(program);
    Deno.stderr.writeSync(
      new TextEncoder().encode(`skipped: ${program} is not installed (Debian package ${debianPackage})\n`),
    );
  }
  Deno.test({ name, ignore, fn: run });
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
