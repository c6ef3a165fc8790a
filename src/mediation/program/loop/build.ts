/**
 * Compiles the rewrite loop: `deno run -A src/mediation/program/loop/build.ts` writes rewrite_loop.wasm beside it. The
 * same source always compiles to the same octets, so `--check` can tell whether the committed file is current; the task
 * `gate` runs it.
 *
 * @module
 */
import asc from "assemblyscript/asc";

/** The loop's memory in pages of 64 KiB. It is reserved; the system provides a page when it is first touched. */
const PAGES = 4096;

/** Compiles the sources in `assembly/`. @throws Error with the compiler's messages */
async function compileRewriteLoop(): Promise<Uint8Array> {
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
      readFile: (name: string) => Deno.readTextFile(new URL(`assembly/${name}`, import.meta.url)).catch(() => null),
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (contents instanceof Uint8Array) binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === undefined) {
    throw new Error(`the rewrite loop does not compile: ${stderr.toString()}`);
  }
  return binary;
}

if (import.meta.main) {
  const path = new URL("./rewrite_loop.wasm", import.meta.url);
  const binary = await compileRewriteLoop();
  if (!Deno.args.includes("--check")) await Deno.writeFile(path, binary);
  else if ((await Deno.readFile(path)).join() !== binary.join()) {
    throw new Error("rewrite_loop.wasm is not current: run src/mediation/program/loop/build.ts");
  }
}
