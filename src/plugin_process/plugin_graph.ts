import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** What `deno info --json` says of a module. */
interface Module {
  readonly local?: string;
  readonly mediaType?: string;
}

/** Files that Deno runs. An import of any other, as text or octets, would let a plugin read what it names. */
const CODE = new Set([
  "JavaScript",
  "Mjs",
  "Cjs",
  "JSX",
  "TypeScript",
  "Mts",
  "Cts",
  "Dmts",
  "Dcts",
  "Dts",
  "TSX",
  "Wasm",
]);

/**
 * The files that a plugin consists of: its module, the code that this imports in turn, and JSON beside or below it.
 * Nothing of it runs, and nothing is fetched.
 *
 * @param specifier the plugin's module; only a file has others beside it
 * @param command Deno's program
 * @param options such as `--config=FILE`
 * @param timeout milliseconds
 */
export async function filesOf(
  specifier: string,
  command: string,
  options: readonly string[],
  timeout: number,
): Promise<string[]> {
  if (!specifier.startsWith("file:")) return [];
  const own = fileURLToPath(specifier);
  const folder = `${dirname(own)}/`;
  const isOfIt = ({ local = "", mediaType = "" }: Module) =>
    CODE.has(mediaType) || mediaType === "Json" && local.startsWith(folder);
  const modules = await graphOf(specifier, command, options, timeout);
  const files = modules.flatMap((module) => module.local !== undefined && isOfIt(module) ? [module.local] : []);
  return [...new Set([own, ...files])];
}

/** Nothing where the graph cannot be read: what is wrong with it, the process says that imports it. */
async function graphOf(
  specifier: string,
  command: string,
  options: readonly string[],
  timeout: number,
): Promise<readonly Module[]> {
  const info = new Deno.Command(command, {
    args: ["info", "--json", "--no-remote", "--no-npm", "--no-lock", ...options, specifier],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(timeout),
  });
  const { success, stdout } = await info.output();
  if (!success) return [];
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { readonly modules?: readonly Module[] };
  return modules ?? [];
}
