import { Child } from "./child.ts";

/** A program between exporters and a collector, started. */
export interface Relay {
  readonly child: Child;
  readonly port: number;
}

/** Starts a relay in front of the collector's port. */
export type StartRelay = (listenPort: number, collectorPort: number, directory: string) => Promise<Child>;

/** Read, write, nothing else. */
export const startBareRelay: StartRelay = (listenPort, collectorPort) =>
  Promise.resolve(Child.deno("the bare relay", "relay.ts", [String(listenPort), String(collectorPort)]));

/** The proxy itself, as an operator runs it, towards a collector of this release. */
export function startProxy(profile: string): StartRelay {
  return async (listenPort, collectorPort, directory) => {
    const file = `${directory}/proxy-${listenPort}.yaml`;
    await Deno.writeTextFile(
      file,
      `listen:
  - { transport: tcp, address: "127.0.0.1:${listenPort}" }
collector: { transport: tcp, address: "127.0.0.1:${collectorPort}", profile: ${profile} }
admin: { address: "127.0.0.1:0" }
log: { level: warning }
`,
    );
    return Child.deno("the proxy", "../../src/main.ts", ["serve", "--config", file]);
  };
}

/** HAProxy in TCP mode with its defaults on one thread, or with buffers as large as the proxy's. */
export function startHaproxy(bufferLength?: number): StartRelay {
  return async (listenPort, collectorPort, directory) => {
    const file = `${directory}/haproxy-${listenPort}.cfg`;
    await Deno.writeTextFile(
      file,
      `global
  nbthread 1
${bufferLength === undefined ? "" : `  tune.bufsize ${bufferLength}\n`}defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen bench
  bind 127.0.0.1:${listenPort}
  server sink 127.0.0.1:${collectorPort}
`,
    );
    return new Child("HAProxy", "haproxy", ["-db", "-f", file]);
  };
}

/**
 * HAProxy's version, or why there is none: installs Debian's package where that is possible.
 *
 * @param install false: takes only what is there
 */
export async function haproxyVersion(install: boolean): Promise<{ version: string } | { missing: string }> {
  const version = await firstLine("haproxy", ["-v"]);
  if (version !== undefined) return { version };
  if (!install) return { missing: "haproxy is not installed" };
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
