import { debianTool, GO, reasonToSkip } from "../support/processes/tool_test_case.ts";
import { buildGrpcPeer } from "../interop/peers/build.ts";
import type { Bench } from "./bench.ts";

const CACHE = new URL("../../.cache/bench/", import.meta.url);

/** The programs in Go, or why there are none. Go's own cache makes all builds but the first quick. */
export async function buildGoPrograms(): Promise<
  { programs: NonNullable<Bench["go"]>; version: string } | { missing: string }
> {
  const missing = reasonToSkip(GO);
  if (missing !== undefined) return { missing };
  const version = await firstLine("go", ["version"]) ?? "";
  const [ends, collect, mediate] = [await build("ends"), await build("collect"), await build("mediate")];
  return { programs: { ends, collect, mediate, grpc: await buildGrpcPeer() }, version };
}

async function build(name: string): Promise<string> {
  await Deno.mkdir(CACHE, { recursive: true });
  const program = new URL(name, CACHE).pathname;
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-buildvcs=false", "-trimpath", "-o", program, "."],
    cwd: new URL(`go/${name}/`, import.meta.url),
    env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
    stdin: "null",
  }).output();
  if (!success) throw new Error(`go build ${name}: ${new TextDecoder().decode(stderr)}`);
  return program;
}

/**
 * HAProxy's version, or why there is none: installs Debian's package where that is possible.
 *
 * @param install false: takes only what is there
 */
export async function haproxyVersion(install: boolean): Promise<{ version: string } | { missing: string }> {
  const version = await firstLine("haproxy", ["-v"]);
  if (version !== undefined) return { version };
  if (!install) return { missing: reasonToSkip(debianTool("haproxy")) ?? "haproxy does not run" };
  if (Deno.uid() !== 0) return { missing: "haproxy is not installed, and only root can install it" };
  await firstLine("apt-get", ["update", "-qq"]);
  await firstLine("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "haproxy"]);
  const installed = await firstLine("haproxy", ["-v"]);
  return installed === undefined ? { missing: "apt-get could not install haproxy" } : { version: installed };
}

/** What a program prints first; undefined where it cannot be run or fails. */
async function firstLine(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args, stdin: "null", stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).split("\n")[0] ?? "" : undefined;
  } catch {
    return undefined;
  }
}
