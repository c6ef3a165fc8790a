/**
 * A container in small: the image's root, read-only, in namespaces of its own, and its entry point as the image's user.
 */
import assert from "node:assert/strict";
import type { BuiltImage } from "./image.ts";

/** As a container runtime prepares a root. Its arguments: root, folder of the configuration, user, command. */
const START = `
set -eu
ip link set lo up
mount --make-rprivate /
mount --rbind "$1" "$1"
mount --bind "$2" "$1/etc/ipfix-skew-proxy"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -o remount,bind,ro "$1"
root=$1 user=$3
shift 3
exec setpriv --no-new-privs chroot --userspec="$user" "$root" "$@"
`;

/** A running container. */
export class Container implements Disposable {
  readonly process: Deno.ChildProcess;
  readonly #image: BuiltImage;

  /**
   * @param folder what is mounted as the configuration's folder
   * @param command in place of the image's own
   */
  constructor(image: BuiltImage, folder: string, command?: readonly string[]) {
    const { configuration: { User, Env, Entrypoint, Cmd }, root } = image;
    const run = command ?? [...Entrypoint, ...Cmd];
    for (const place of ["etc/ipfix-skew-proxy", "dev", "proc"]) {
      Deno.mkdirSync(`${root}/${place}`, { recursive: true });
    }
    this.#image = image;
    this.process = new Deno.Command("unshare", {
      args: ["--mount", "--pid", "--net", "--fork", "sh", "-c", START, "sh", root, folder, User, ...run],
      clearEnv: true,
      env: environment(Env),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** The entry point's process id as the machine sees it. @throws where it has ended */
  get pid(): number {
    return childOf(this.process.pid);
  }

  /** Ends it at once, if it still runs. */
  kill(): void {
    try {
      Deno.kill(this.pid, "SIGKILL");
    } catch { /* It has ended. */ }
  }

  [Symbol.dispose](): void {
    this.kill();
  }

  /** Runs a command in it as its user, as `kubectl exec` and a preStop hook do. */
  exec(command: readonly string[]): Promise<Deno.CommandOutput> {
    const { User, Env } = this.#image.configuration;
    const [user = "", group = ""] = User.split(":");
    return new Deno.Command("nsenter", {
      args: [
        ...["--target", String(this.pid), "--mount", "--pid", "--net", "--root", "--wd"],
        ...["--setuid", user, "--setgid", group, "--", ...command],
      ],
      clearEnv: true,
      env: environment(Env),
    }).output();
  }
}

/** The process that another one started. @throws where there is none */
export function childOf(parent: number): number {
  const child = Number(Deno.readTextFileSync(`/proc/${parent}/task/${parent}/children`));
  // None reads as 0, and a signal to 0 ends the whole group of whoever sends it: the run of all tests.
  assert.ok(child > 0, `process ${parent} has no child`);
  return child;
}

function environment(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
