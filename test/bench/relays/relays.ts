import project from "../../../deno.json" with { type: "json" };
import { Child } from "../child.ts";

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
  Promise.resolve(Child.deno("the bare relay", "relays/relay.ts", [String(listenPort), String(collectorPort)]));

/** Receive, send, nothing else. */
export const startBareDatagramRelay: StartRelay = (listenPort, collectorPort) =>
  Promise.resolve(
    Child.deno("the bare datagram relay", "relays/datagram_relay.ts", [String(listenPort), String(collectorPort)]),
  );

/** Decipher, write, nothing else; to a collector over TLS, encipher what is written. */
export function startBareTlsRelay({ certificate, key, ca }: TlsFiles, out: "tcp" | "tls"): StartRelay {
  return (listenPort, collectorPort) =>
    Promise.resolve(
      Child.deno("the bare TLS relay", "relays/tls_relay.ts", [
        String(listenPort),
        String(collectorPort),
        ...[certificate, key, ca, out],
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
  /** What is shown to a collector over TLS, and whom it is verified by. */
  readonly collectorTls?: TlsFiles;
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
  const { profile, transport = "tcp", tls, collectorTls, grpc = false, log = "warning" } = choice;
  const collector = { address: `127.0.0.1:${collectorPort}`, profile };
  return JSON.stringify({
    listen: [{
      address: `127.0.0.1:${listenPort}`,
      ...(tls === undefined ? { transport } : { transport: grpc ? "grpc" : "tls", tls }),
    }],
    collector: collectorTls === undefined
      ? { transport, ...collector }
      : { transport: "tls", ...collector, tls: collectorTls },
    admin: { address: "127.0.0.1:0" },
    // Five thousand idle sessions with TLS on both sides take more than the default.
    ...(tls === undefined || collectorTls === undefined ? {} : { limits: { memory: "1GiB" } }),
    log: { level: log },
  });
}

/**
 * HAProxy in TCP mode on one thread, else with its defaults as far as nothing else is said. The exporter chooses the
 * suite, as it does with the proxy.
 */
export function startHaproxy(
  options: { readonly bufferLength?: number; readonly tls?: TlsFiles; readonly collectorTls?: TlsFiles } = {},
): StartRelay {
  const { bufferLength, tls, collectorTls } = options;
  return async (listenPort, collectorPort, directory) => {
    const file = `${directory}/haproxy-${listenPort}.cfg`;
    const withTls = async (tls: TlsFiles | undefined) => {
      if (tls === undefined) return "";
      const pem = await Deno.makeTempFile({ dir: directory, suffix: ".pem" });
      const parts = await Promise.all([tls.certificate, tls.key].map((path) => Deno.readTextFile(path)));
      await Deno.writeTextFile(pem, parts.join("\n"));
      return ` ssl crt ${pem} ca-file ${tls.ca} verify required`;
    };
    await Deno.writeTextFile(
      file,
      `global
  nbthread 1
  ssl-default-bind-options prefer-client-ciphers
${bufferLength === undefined ? "" : `  tune.bufsize ${bufferLength}\n`}defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen bench
  bind 127.0.0.1:${listenPort}${await withTls(tls)}
  server sink 127.0.0.1:${collectorPort}${await withTls(collectorTls)}
`,
    );
    return new Child("HAProxy", "haproxy", ["-db", "-f", file]);
  };
}
