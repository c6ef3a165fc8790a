/**
 * Generates TypeScript from the .proto file: `deno run -A src/proxy/transport/grpc/flow/generate.ts` writes
 * flow_export_pb.ts beside it, `--check` only says whether that is current.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
/** Tools of this program alone, so that nothing else has to load them. */
const COMPILER = "npm:@bufbuild/buf@1.75.0";
const GENERATOR = "npm:@bufbuild/protoc-gen-es@2.17.0";

const FOLDER = fileURLToPath(new URL("./", import.meta.url));
const PROTO = "flow_export.proto";
const GENERATED = "flow_export_pb.ts";

/** A plugin of the Protocol Buffers compiler: how it is started, and its options. */
export interface GeneratorPlugin {
  readonly command: readonly string[];
  readonly options: readonly string[];
}

/**
 * Compiles the .proto file with a plugin, whose files go into a folder.
 *
 * @throws Error with the compiler's own words
 */
export async function compileProto({ command, options }: GeneratorPlugin, out: string): Promise<void> {
  const template = { version: "v2", plugins: [{ local: command, out, opt: options }] };
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--allow-all", COMPILER],
      ...["generate", "--template", JSON.stringify(template), "--path", `${FOLDER}${PROTO}`, FOLDER],
    ],
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${PROTO} does not compile: ${new TextDecoder().decode(stderr)}`);
}

/** The TypeScript of the .proto file, in the project's format. @throws Error with the words of the tool that failed */
async function generateTypeScript(): Promise<string> {
  const out = await Deno.makeTempDir();
  try {
    const command = [Deno.execPath(), "run", "--quiet", "--allow-all", GENERATOR];
    await compileProto({ command, options: ["target=ts"] }, out);
    const file = `${out}/${GENERATED}`;
    await Deno.writeTextFile(file, `// deno-lint-ignore-file\n${await Deno.readTextFile(file)}`);
    const config = fileURLToPath(new URL("../../../../../deno.json", import.meta.url));
    const args = ["fmt", "--quiet", "--config", config, file];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return await Deno.readTextFile(file);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

if (import.meta.main) {
  const text = await generateTypeScript();
  const path = `${FOLDER}${GENERATED}`;
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(path, text);
  else if (await Deno.readTextFile(path) !== text) throw new Error(`${GENERATED} is not current`);
}
