/**
 * Writes what goes into the image to `dist`: the program as a bundle with profiles, registries and plugins in it, its bill of materials,
 * and the licences of all that is in it. Nothing of it belongs to one architecture. Run by `deno task bundle`.
 */
import { bundledPackages } from "./bundled_packages.ts";
import { exitStatusOf } from "../../src/commands/command_line/report_failure.ts";
import { billOfMaterials } from "./sbom.ts";

const ROOT = new URL("../../", import.meta.url);

/** Writes all of it into a folder, which is emptied first. */
export async function writeBundle(folder: URL): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  // A chunk a command, loaded when it is asked for. In one file the proxy takes half as long again to start.
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "deno", "--code-splitting", "--outdir", folder.pathname, "src/main.ts"],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(`deno bundle: ${new TextDecoder().decode(stderr)}`);
  for await (const { name } of Deno.readDir(folder)) await loadWhenAsked(new URL(name, folder));
  await bundlePluginChild(folder);
  await Deno.copyFile(new URL("LICENSE", ROOT), new URL("LICENSE", folder));
  await Deno.writeTextFile(new URL("sbom.cdx.json", folder), await billOfMaterials());
  await Deno.writeTextFile(new URL("third-party-licenses.txt", folder), await licences());
}

/** What runs in the process of an outside plugin, which the program starts by its name. */
async function bundlePluginChild(folder: URL): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform",
      "deno",
      "--output",
      new URL("plugin_child.js", folder).pathname,
      "src/plugin_process/child.ts",
    ],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(`deno bundle: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Deno parses every module that an import names by a literal before the program starts, those of dynamic imports too. Where it cannot
 * know the name, it parses the module when it is asked for: a third of the start of an image, whose read-only root keeps no cache.
 */
async function loadWhenAsked(file: URL): Promise<void> {
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replaceAll(/\bimport\(("\.\/[\w.-]+\.js")\)/g, "import([$1][0])"));
}

/** The licence texts of the packages that the bundle contains, as most licences ask for. */
async function licences(): Promise<string> {
  const texts: string[] = [];
  for (const [key, { folder }] of await bundledPackages(ROOT, "src/main.ts")) {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (!isFile || !/^(?:licen[cs]e|copying|notice)/i.test(name)) continue;
      texts.push(`${key}: ${name}\n\n${await Deno.readTextFile(`${folder}/${name}`)}`);
    }
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

if (import.meta.main) Deno.exit(await exitStatusOf(() => writeBundle(new URL("dist/", ROOT))));
