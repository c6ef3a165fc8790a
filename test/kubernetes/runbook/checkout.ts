/** A checkout of this program as an operator has it, as far as runbooks touch it, and their commands in it. */
import assert from "node:assert/strict";
import type { ApiServer } from "../tools/api_server.ts";

const CONFIG = new URL("../../../config/", import.meta.url);

/** A folder with the components of config/kubernetes and more files; it ends with all that was written into it. */
export class Checkout implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** @param files text by name, as `flow-aggregator.yml` */
  static async make(files: Readonly<Record<string, string>>): Promise<Checkout> {
    const path = await Deno.makeTempDir({ prefix: "checkout-" });
    for (const name of ["kubernetes", "grafana"]) await copy(new URL(`${name}/`, CONFIG), `${path}/config/${name}`);
    for (const [name, text] of Object.entries(files)) {
      const file = `${path}/${name}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(file, text);
    }
    return new Checkout(path);
  }

  /** The overlay as it is before anybody has chosen anything in it. */
  async resetOverlay(): Promise<void> {
    const name = "kubernetes/upgrade/kustomization.yaml";
    await Deno.copyFile(new URL(name, CONFIG), `${this.path}/config/${name}`);
  }

  /**
   * Runs a line of a runbook in the shell, as admin of the cluster.
   *
   * @param path folders of more programs
   * @throws with what it wrote, if it fails
   */
  async run(line: string, { folder, tools: { kubectl } }: ApiServer, ...path: readonly string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-ec", line],
      cwd: this.path,
      env: {
        HOME: folder,
        KUBECONFIG: `${folder}/admin.kubeconfig`,
        PATH: [...path, kubectl.slice(0, -"/kubectl".length), Deno.env.get("PATH")].join(":"),
      },
    }).output();
    assert.ok(success, `${line}: ${new TextDecoder().decode(stderr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

async function copy(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}
