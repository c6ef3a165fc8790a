/**
 * Compiles the rewrite loop: `deno run -A src/mediation/program/loop/build.ts` writes rewrite_loop.wasm beside it.
 * The same source gives the same octets, so a test can tell whether the committed file is current.
 *
 * @module
 */
import asc from "assemblyscript/asc";

/** Memory of the loop in pages of 64 KiB: reserved, and taken from the system only as far as it is touched. */
const PAGES = 4096;

/** Compiles the sources next to this file. @throws Error with the compiler's own words. */
export async function compileRewriteLoop(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      "rewrite_loop.as.ts",
      "--outFile",
      "rewrite_loop.wasm",
      "-O3",
      "--noAssert",
      "--runtime",
      "stub",
      "--enable",
      "bulk-memory",
      "--enable",
      "simd",
      "--initialMemory",
      String(PAGES),
      "--maximumMemory",
      String(PAGES),
      "--exportTable",
    ],
    {
      readFile: (name: string) => Deno.readTextFile(new URL(name, import.meta.url)).catch(() => null),
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (contents instanceof Uint8Array) binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === undefined) throw new Error(`rewrite loop does not compile: ${stderr.toString()}`);
  return binary;
}

if (import.meta.main) {
  const path = new URL("./rewrite_loop.wasm", import.meta.url);
  const binary = await compileRewriteLoop();
  if (!Deno.args.includes("--check")) await Deno.writeFile(path, binary);
  else if ((await Deno.readFile(path)).join() !== binary.join()) throw new Error("rewrite_loop.wasm is not current");
}
