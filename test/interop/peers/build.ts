/**
 * Builds the peers, of go-ipfix and of gRPC, into `.cache/interop`, again only when their sources change. CI runs it as
 * a program before the tests, so that it can be repeated where a download fails.
 */
import { digestOf, exists, underLock } from "../../support/processes/cached_build.ts";
import { goIpfixReleases } from "./releases.ts";

const sources = new URL("go/", import.meta.url);
const cache = new URL("../../../.cache/interop/", import.meta.url);
/** One linker takes a core and half a gigabyte. */
const buildsAtOnce = 2;

let built: Promise<ReadonlyMap<string, string>> | undefined;

/**
 * Paths of the peers by go-ipfix release. Builds those whose sources changed; test files that run at the same time
 * wait for each other.
 *
 * @throws {Error} with the compiler's words if a build fails
 */
export function buildPeers(): Promise<ReadonlyMap<string, string>> {
  built ??= underLock(cache, async () => {
    const source = await readSource();
    const paths = new Map<string, string>();
    const waiting = [...goIpfixReleases];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        paths.set(next.version, await buildPeer(next.version, next.tags, source));
      }
    };
    await Promise.all(Array.from({ length: buildsAtOnce }, worker));
    return paths;
  });
  return built;
}

type Source = ReadonlyMap<string, string>;

async function readSource(): Promise<Source> {
  const files = new Map<string, string>();
  const folder = new URL("source/", sources);
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".go")) files.set(entry.name, await Deno.readTextFile(new URL(entry.name, folder)));
  }
  return files;
}

/** The Go files that the gRPC peer shares with those of go-ipfix. */
const shared = ["lines.go"];
const grpcSources = new URL("../grpc/source/", import.meta.url);

let grpcBuilt: Promise<string> | undefined;

/** Path of the peer that speaks gRPC. @throws {Error} with the compiler's words if the build fails */
export function buildGrpcPeer(): Promise<string> {
  return grpcBuilt ??= underLock(cache, async () => {
    const files = new Map<string, string>();
    for (const name of shared) files.set(name, await Deno.readTextFile(new URL(`source/${name}`, sources)));
    for (const folder of ["", "flowpb/"]) {
      for (const { isFile, name } of Deno.readDirSync(new URL(folder, grpcSources))) {
        if (isFile) files.set(`${folder}${name}`, await Deno.readTextFile(new URL(`${folder}${name}`, grpcSources)));
      }
    }
    return await buildProgram("grpcpeer", [], files);
  });
}

async function buildPeer(version: string, tags: readonly string[], common: Source): Promise<string> {
  const files = new Map(common);
  for (const name of ["go.mod", "go.sum"]) {
    files.set(name, await Deno.readTextFile(new URL(`${version}/${name}`, sources)));
  }
  return buildProgram(version, tags, files);
}

/**
 * Path of the program that these files are the source of, by their names; built under {@link underLock}, where they
 * have changed.
 */
async function buildProgram(name: string, tags: readonly string[], files: Source): Promise<string> {
  const binary = new URL(`${name}-${await digestOf(sourceText(tags, files))}`, cache);
  if (await exists(binary)) return binary.pathname;
  const folder = new URL(`${name}.building/`, cache);
  await remove(folder);
  for (const [file, content] of files) {
    const path = new URL(file, folder);
    await Deno.mkdir(new URL("./", path), { recursive: true });
    await Deno.writeTextFile(path, content);
  }
  const result = await new Deno.Command("go", {
    args: ["build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", `-tags=${tags.join(",")}`, "-o", "peer", "."],
    cwd: folder,
    env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
  }).output();
  if (!result.success) throw new Error(`${name}: ${new TextDecoder().decode(result.stderr)}`);
  for await (const entry of Deno.readDir(cache)) {
    if (entry.name.startsWith(`${name}-`)) await remove(new URL(entry.name, cache));
  }
  // Renamed when whole: a build that was interrupted is never taken for done.
  await Deno.rename(new URL("peer", folder), binary);
  await remove(folder);
  return binary.pathname;
}

function sourceText(tags: readonly string[], files: Source): string {
  return JSON.stringify([tags, [...files].sort(([one], [other]) => one < other ? -1 : 1)]);
}

async function remove(path: URL): Promise<void> {
  if (await exists(path)) await Deno.remove(path, { recursive: true });
}

if (import.meta.main) {
  await buildPeers();
  await buildGrpcPeer();
}
