/**
 * Generates the peer's Go from the proxy's .proto file: `deno run -A test/interop/grpc/generate.ts` writes
 * source/flowpb.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { compileProto } from "../../../src/proxy/transport/grpc/flow/generate.ts";

const SOURCE = fileURLToPath(new URL("source/", import.meta.url));
const OPTIONS = ["paths=source_relative", "Mflow_export.proto=grpcpeer/flowpb"];

/** The generated files by name. @throws Error with the compiler's own words */
export async function generateGo(): Promise<ReadonlyMap<string, string>> {
  const out = await Deno.makeTempDir();
  try {
    for (const plugin of ["protoc-gen-go", "protoc-gen-go-grpc"]) {
      await compileProto({ command: ["go", "-C", SOURCE, "tool", plugin], options: OPTIONS }, out);
    }
    const files = new Map<string, string>();
    for (const { name } of Deno.readDirSync(out)) files.set(name, await Deno.readTextFile(`${out}/${name}`));
    return files;
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

if (import.meta.main) {
  for (const [name, text] of await generateGo()) await Deno.writeTextFile(`${SOURCE}flowpb/${name}`, text);
}
