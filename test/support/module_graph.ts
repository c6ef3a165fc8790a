import project from "../../deno.json" with { type: "json" };

/** Modules of this repository, and which of them import which. Paths are relative to its top, as `src/main.ts`. */
export type ModuleGraph = ReadonlyMap<string, readonly string[]>;

const ROOT = new URL("../../", import.meta.url);

/** Specifiers by which modules import what deno.json exports. */
const EXPORTS: ReadonlyMap<string, string> = new Map(
  Object.entries(project.exports).map(([name, path]) => [project.name + name.slice(1), new URL(path, ROOT).href]),
);

/** Static imports and re-exports (types included), imports for their effect, and dynamic imports. */
const IMPORT =
  /^[ \t]*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']|^[ \t]*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

/** Paths of the repository's modules that a module's text imports, in order; libraries are left out. */
export function importsOf(path: string, text: string): string[] {
  return [...text.matchAll(IMPORT)]
    .map(([, from, effect, dynamic]) => from ?? effect ?? dynamic ?? "")
    .map((specifier) =>
      specifier.startsWith(".") ? new URL(specifier, new URL(path, ROOT)).href : EXPORTS.get(specifier)
    )
    .filter((href) => href !== undefined && href.startsWith(ROOT.href))
    .map((href) => href?.slice(ROOT.href.length) ?? "");
}

/**
 * Reads all modules below the folders, unit tests left out: what they import says nothing about the program's shape.
 */
export async function readModuleGraph(...folders: readonly string[]): Promise<ModuleGraph> {
  const graph = new Map<string, string[]>();
  for (const folder of folders) {
    for await (const path of modulesBelow(folder)) {
      graph.set(path, importsOf(path, await Deno.readTextFile(new URL(path, ROOT))));
    }
  }
  return graph;
}

async function* modulesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* modulesBelow(path);
    // AssemblyScript is no TypeScript, and imports nothing.
    else if (/\.tsx?$/.test(name) && !/(?:_test\.tsx?|\.as\.ts)$/.test(name)) yield path;
  }
}

/**
 * The circles of a graph: groups of modules each of which imports all others of its group, if only through them.
 *
 * Tarjan's strongly connected components, without recursion on long chains mattering: a chain is as deep as the program
 * is.
 */
export function circlesOf(graph: ModuleGraph): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (module: string): number => {
    const own = index.size;
    index.set(module, own);
    low.set(module, own);
    stack.push(module);
    const imported = graph.get(module) ?? [];
    for (const other of imported) {
      if (!graph.has(other)) continue;
      if (!index.has(other)) low.set(module, Math.min(low.get(module) ?? own, visit(other)));
      else if (stack.includes(other)) low.set(module, Math.min(low.get(module) ?? own, index.get(other) ?? own));
    }
    if (low.get(module) === own) {
      const circle = stack.splice(stack.indexOf(module));
      if (circle.length > 1 || imported.includes(module)) circles.push(circle.sort());
    }
    return low.get(module) ?? own;
  };
  for (const module of graph.keys()) if (!index.has(module)) visit(module);
  return circles;
}
