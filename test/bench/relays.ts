import project from "../../deno.json" with { type: "json" };
import { Child } from "./child.ts";

/** Starts a relay in front of the collector's port. */
export type StartRelay = (listenPort: number, collectorPort: number, directory: string) => Promise<Child>;

/** Paths of PEM files: whom a listener is, and whom it lets in. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

/** Read, write, nothing else. */
export const startBareRelay: StartRelay = (listenPort, collectorPort) =>
  Promise.resolve(Child.deno("the bare relay", "relay.ts", [String(listenPort), String(collectorPort)]));

/** Receive, send, nothing else. */
export const startBareDatagramRelay: StartRelay = (listenPort, collectorPort) =>
  Promise.resolve(
    Child.deno("the bare datagram relay", "datagram_relay.ts", [String(listenPort), String(collectorPort)]),
  );

/** Decipher, write, nothing else. */
export function startBareTlsRelay({ certificate, key, ca }: TlsFiles): StartRelay {
  return (listenPort, collectorPort) =>
    Promise.resolve(
      Child.deno("the bare TLS relay", "tls_relay.ts", [
        String(listenPort),
        String(collectorPort),
        ...[certificate, key, ca],
      ]),
    );
}

/** How the task `serve` has V8 manage its memory. */
const V8_FLAGS = project.tasks.serve.split(" ").filter((flag) => flag.startsWith("--v8-flags="));

/** What a proxy is told. */
export interface ProxyChoice {
  /** The collector's release. */
  readonly profile: string;
  /** Of both sides, by default TCP. */
  readonly transport?: "tcp" | "udp";
  /** Exporters come over TLS. */
  readonly tls?: TlsFiles;
  /** They speak gRPC over that. */
  readonly grpc?: boolean;
  readonly log?: "info" | "warning";
  /** False: V8 alone decides when garbage is collected. */
  readonly forcedCollection?: boolean;
}

/** The proxy itself, as an operator runs it. */
export function startProxy(choice: ProxyChoice): StartRelay {
  return async (listenPort, collectorPort, directory) => {
    const file = `${directory}/proxy-${listenPort}.yaml`;
    await Deno.writeTextFile(file, proxyConfiguration(choice, listenPort, collectorPort));
    const flags = choice.forcedCollection === false
      ? V8_FLAGS.map((flag) => flag.replace("--expose-gc,", ""))
      : V8_FLAGS;
    return Child.deno("the proxy", "../../src/main.ts", ["serve", "--config", file], flags);
  };
}

/** The text of a configuration file. JSON is YAML. */
export function proxyConfiguration(choice: ProxyChoice, listenPort: number, collectorPort: number): string {
  const { profile, transport = "tcp", tls, grpc = false, log = "warning" } = choice;
  return JSON.stringify({
    listen: [{
      address: `127.0.0.1:${listenPort}`,
      ...(tls === undefined ? { transport } : { transport: grpc ? "grpc" : "tls", tls }),
    }],
    collector: { transport, address: `127.0.0.1:${collectorPort}`, profile },
    admin: { address: "127.0.0.1:0" },
    log: { level: log },
  });
}

/** HAProxy in TCP mode on one thread, else with its defaults as far as nothing else is said. */
export function startHaproxy(options: { readonly bufferLength?: number; readonly tls?: TlsFiles } = {}): StartRelay {
  const { bufferLength, tls } = options;
  return async (listenPort, collectorPort, directory) => {
    const file = `${directory}/haproxy-${listenPort}.cfg`;
    let bind = `bind 127.0.0.1:${listenPort}`;
    if (tls !== undefined) {
      const pem = `${directory}/haproxy-${listenPort}.pem`;
      const parts = await Promise.all([tls.certificate, tls.key].map((path) => Deno.readTextFile(path)));
      await Deno.writeTextFile(pem, parts.join("\n"));
      bind += ` ssl crt ${pem} ca-file ${tls.ca} verify required`;
    }
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
  ${bind}
  server sink 127.0.0.1:${collectorPort}
`,
    );
    return new Child("HAProxy", "haproxy", ["-db", "-f", file]);
  };
}
