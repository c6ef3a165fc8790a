import { z } from "zod";

/** One npm package that the program contains. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** Where it is on this machine. */
  readonly folder: string;
  /** The `name@version` of each package that it needs. */
  readonly dependencies: readonly string[];
  /** SHA-512 of the package as the registry has it, in base64. */
  readonly sha512: string;
}

/** What `deno info --json` says of a program, as far as it is needed. */
const INFORMATION = z.object({
  modules: z.array(z.object({ npmPackage: z.string().optional() })),
  npmPackages: z.record(
    z.string(),
    z.object({ name: z.string(), version: z.string(), dependencies: z.array(z.string()), localPath: z.string() }),
  ),
});
const LOCK = z.object({
  npm: z.record(z.string(), z.object({ integrity: z.templateLiteral(["sha512-", z.string()]) })),
});

/**
 * The packages that an entry point imports, and all that those need: not those that only tests and tools use.
 *
 * @param root the folder of deno.json and deno.lock
 * @throws Error where the module graph cannot be made, or the lock file lacks a package
 */
export async function bundledPackages(root: URL, entry: string): Promise<ReadonlyMap<string, BundledPackage>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
  }).output();
  if (!success) throw new Error(`deno info ${entry}: ${new TextDecoder().decode(stderr)}`);
  const information = INFORMATION.parse(JSON.parse(new TextDecoder().decode(stdout)));
  const lock = LOCK.parse(JSON.parse(await Deno.readTextFile(new URL("deno.lock", root))));
  const found = new Map<string, BundledPackage>();
  const open = information.modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (found.has(key)) continue;
    const { name, version, dependencies, localPath } = information.npmPackages[key] ?? unknown(key, "the module graph");
    const { integrity } = lock.npm[key] ?? unknown(key, "deno.lock");
    found.set(key, { name, version, folder: localPath, dependencies, sha512: integrity.slice("sha512-".length) });
    open.push(...dependencies);
  }
  return new Map([...found].sort(([one], [other]) => one < other ? -1 : 1));
}

function unknown(key: string, where: string): never {
  throw new Error(`${key} is not in ${where}`);
}
