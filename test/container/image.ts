/** The image as Debian's buildah builds it, from a base of this machine's Deno and the libraries that it needs. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { writeBundle } from "../../config/container/bundle.ts";
import { runTool } from "../support/processes/tool_test_case.ts";

const CONTAINERFILE = fileURLToPath(new URL("../../config/container/Containerfile", import.meta.url));
const BASE = "localhost/deno:distroless";
const IMAGE = "localhost/ipfix-skew-proxy:test";

const CONFIGURATION = z.object({
  User: z.string(),
  Env: z.array(z.string()),
  Entrypoint: z.array(z.string()),
  Cmd: z.array(z.string()),
  Labels: z.record(z.string(), z.string()),
});

/** An image, and a container's root made from it. */
export interface BuiltImage extends AsyncDisposable {
  readonly configuration: z.infer<typeof CONFIGURATION>;
  /** Octets that it holds, its base included. */
  readonly size: number;
  /** The folder that is a container's root. */
  readonly root: string;
  /** Writes it as a docker archive under this name. */
  save(archive: string, name: string): Promise<void>;
}

/** Builds it with a storage of its own, which ends with it. Needs root. */
export async function buildImage(): Promise<BuiltImage> {
  const folder = await Deno.makeTempDir({ prefix: "image-" });
  const storage = ["--root", `${folder}/storage`, "--runroot", `${folder}/run`, "--storage-driver", "vfs"];
  const buildah = async (...args: string[]) => (await runTool("buildah", [...storage, ...args])).stdout.trim();
  const build = (tag: string, file: string, context: string, ...args: string[]) =>
    buildah(
      "build",
      "--isolation",
      "chroot",
      "--pull-never",
      "--quiet",
      "--tag",
      tag,
      "--file",
      file,
      ...args,
      context,
    );
  await writeBase(`${folder}/base`);
  await Deno.writeTextFile(`${folder}/Basefile`, "FROM scratch\nCOPY . /\n");
  await build(BASE, `${folder}/Basefile`, `${folder}/base`);
  await writeBundle(new URL(`file://${folder}/dist/`));
  await build(IMAGE, CONTAINERFILE, `${folder}/dist`, "--build-arg", `BASE=${BASE}`, "--build-arg", "VERSION=0.0.1");
  const { OCIv1: { config } } = JSON.parse(await buildah("inspect", "--type", "image", IMAGE));
  const [{ size }] = JSON.parse(await buildah("images", "--json", IMAGE));
  const root = await buildah("mount", await buildah("from", "--pull-never", IMAGE));
  return {
    configuration: CONFIGURATION.parse(config),
    size: parseSize(size),
    root,
    async save(archive, name) {
      await buildah("push", "--quiet", IMAGE, `docker-archive:${archive}:${name}`);
    },
    async [Symbol.asyncDispose]() {
      await buildah("rm", "--all");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/**
 * Deno and what the dynamic linker loads for it: where they are on this machine, and where a distroless image has them.
 */
export async function denoFiles(): Promise<(readonly [from: string, to: string])[]> {
  const deno = Deno.execPath();
  const { stdout } = await runTool("ldd", [deno]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
  return [[deno, "/bin/deno"], ...libraries.map((path) => [path, path] as const)];
}

/** Deno, and how names are resolved, as in a distroless image. No shell, nothing else. */
async function writeBase(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/etc`, { recursive: true });
  await Deno.writeTextFile(`${folder}/etc/nsswitch.conf`, "hosts: files dns\n");
  for (const [from, to] of await denoFiles()) {
    await Deno.mkdir(`${folder}${to.slice(0, to.lastIndexOf("/"))}`, { recursive: true });
    // By its contents: libraries are symbolic links.
    await Deno.copyFile(await Deno.realPath(from), `${folder}${to}`);
  }
}

/** As `103 MB`. */
function parseSize(text: string): number {
  const [, number = "", unit = ""] = /^([\d.]+) ([kMG]?)B$/.exec(text) ?? [];
  return Number(number) * 1000 ** ["", "k", "M", "G"].indexOf(unit);
}
