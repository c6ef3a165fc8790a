/**
 * A proxy in a process of its own, told what to do by one JSON argument ({@link ProxyProcessOptions}). Standard output: one JSON
 * object a line, first `{"listening": [port…]}`, then every event; after a line `status` on standard input, `{"status": …}`. SIGTERM
 * drains and ends it.
 */
import { SYSTEM_CLOCK } from "../../src/proxy/clock.ts";
import { Proxy } from "../../src/proxy/proxy.ts";
import type { ProxyEvent } from "../../src/proxy/proxy_event.ts";
import type { ProxyLimits } from "../../src/proxy/proxy_options.ts";
import { RelayingRewriter } from "../../src/proxy/test_support.ts";
import { FileCredentials, type TlsFiles } from "../../src/proxy/tls_credentials.ts";

export interface ProxyProcessOptions {
  readonly listen: readonly { readonly transport: "tcp" | "tls" | "udp"; readonly files?: TlsFiles }[];
  readonly collector: {
    readonly transport: "tcp" | "tls" | "udp";
    readonly port: number;
    readonly files?: TlsFiles;
    readonly serverName?: string;
  };
  readonly limits?: Partial<ProxyLimits>;
}

/** What a proxy answers to `status`. */
export interface ProxyStatus {
  readonly sessions: number;
  readonly residentOctets: number;
  readonly heldOctets: number;
  readonly recordsPossiblyLost: number;
  readonly replayedTemplates: number;
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const options: ProxyProcessOptions = JSON.parse(Deno.args[0] ?? "");
  const report = ({ level, event, message, fields }: ProxyEvent) => print({ level, event, message, ...fields });
  const credentials = async (files: TlsFiles | undefined) =>
    files === undefined ? undefined : await FileCredentials.open(files, SYSTEM_CLOCK, report);
  const collectorCredentials = await credentials(options.collector.files);
  const { serverName } = options.collector;
  const proxy = new Proxy({
    listeners: await Promise.all(options.listen.map(async ({ transport, files }) => {
      const tls = await credentials(files);
      return {
        transport,
        address: { hostname: "127.0.0.1", port: 0 },
        ...(tls === undefined ? {} : { tls: { credentials: tls } }),
      };
    })),
    collector: {
      transport: options.collector.transport,
      address: { hostname: "127.0.0.1", port: options.collector.port },
      ...(collectorCredentials === undefined
        ? {}
        : { tls: { credentials: collectorCredentials, ...(serverName === undefined ? {} : { serverName }) } }),
    },
    mediator: { open: (facts) => new RelayingRewriter(facts) },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    report,
  });
  await proxy.start();
  Deno.addSignalListener("SIGTERM", () => void proxy.drain().then(() => Deno.exit(0)));
  print({ listening: proxy.addresses().map(({ address }) => address.port) });
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (chunk.includes("status")) print({ status: status(proxy) });
  }
}

function status(proxy: Proxy): ProxyStatus {
  const { heldOctets, recordsPossiblyLost, replayedTemplates } = proxy.collector();
  const sessions = [...proxy.sessions()].length;
  return { sessions, residentOctets: Deno.memoryUsage().rss, heldOctets, recordsPossiblyLost, replayedTemplates };
}

function print(line: unknown): void {
  const octets = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < octets.length;) written += Deno.stdout.writeSync(octets.subarray(written));
}
