import { antreaFlowReleases } from "../../../src/config/profiles/antrea_flow_releases.ts";
import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { Counters } from "../../../src/mediation/templates/counters.ts";
import { FlowLedger } from "../../../src/proxy/transport/grpc/flow/flow_ledger.ts";
import { flowElements, RecordFlows } from "../../../src/proxy/transport/grpc/client/record_flows.ts";
import type { Bench } from "../bench.ts";
import { type Certificates, issueCertificates } from "../certificates.ts";
import { freePort } from "../../support/free_port.ts";
import { Child } from "../child.ts";
import { manyEnds } from "../load/many_ends.ts";
import { residentMemory } from "../process_usage.ts";
import { startProxy, type TlsFiles } from "../relays/relays.ts";
import { inTurn, type Row, row } from "../rows.ts";
import { type Contender, type Ends, measureStream } from "../load/stream.ts";
import { messagesOf, Workload } from "../load/workload.ts";

const [NEWER, OLDER] = ["antrea/v2.7", "antrea/v1.15"];
const ONE_THREAD = { env: { GOMAXPROCS: "1" } };
const MANY = 100;

/** The part `grpc`: CPU of whole programs for each flow, and memory of streams that say nothing. */
export async function measureFlows(bench: Bench): Promise<Row[]> {
  if (bench.go === undefined) return [];
  const certificates = await issueCertificates(bench.directory);
  return [
    ...await measureCost(bench, bench.go, certificates),
    ...await measureIdleStreams(bench, bench.go.grpc, certificates),
  ];
}

async function measureCost(
  { scale, directory, said }: Bench,
  go: NonNullable<Bench["go"]>,
  { exporter, relay: listener }: Certificates,
): Promise<Row[]> {
  const { warmUpFlows, flows } = scale;
  const workload = new Workload(loadProfile(NEWER), { families: "both", recordsPerMessage: 1 });
  const length = workload.block.length / workload.records;
  const ipfix = {
    profile: NEWER,
    families: "both",
    recordsPerMessage: 1,
    warmUp: warmUpFlows * length,
    octets: flows * length,
  } as const;
  const overGrpc = async (perRequest: number): Promise<Ends> => {
    const file = `${directory}/requests-${perRequest}`;
    await Deno.writeFile(file, requests(workload, perRequest));
    return {
      startSink: () => Child.deno("the sink", "load/sink.ts", []),
      startLoad: (port) =>
        new Child("the load generator", go.grpc, [
          ...["load", "--collector", `127.0.0.1:${port}`, "--server-name", "127.0.0.1", ...filesOf(exporter)],
          ...["--requests", file, "--flows", String(perRequest)],
          ...["--warm", String(warmUpFlows), "--more", String(flows)],
        ]),
    };
  };
  const proxy = startProxy({ profile: OLDER, tls: listener, grpc: true });
  const contenders: (Contender & { readonly ends?: Ends })[] = [
    { what: "gRPC in, v2.7 to v1.15, 1 a request", start: proxy, ends: await overGrpc(1) },
    { what: `gRPC in, v2.7 to v1.15, ${MANY} a request`, start: proxy, ends: await overGrpc(MANY) },
    {
      what: "the same flows as IPFIX, TLS in",
      start: startProxy({ profile: OLDER, tls: listener }),
      ends: manyEnds(go.ends, 1, { exporter }),
    },
    {
      what: "Go collector, decodes gRPC only",
      collects: true,
      start: (port) =>
        Promise.resolve(
          new Child(
            "the collector",
            go.grpc,
            ["count", "--address", `127.0.0.1:${port}`, ...filesOf(listener)],
            ONE_THREAD,
          ),
        ),
      ends: await overGrpc(1),
    },
  ];
  const samples = await inTurn(contenders, scale.rounds, async ({ ends, ...contender }) => {
    const { cpuSeconds, records } = await measureStream(contender, ipfix, directory, ends);
    const cost = cpuSeconds / records * 1e6;
    said(`${contender.what}: ${cost.toFixed(1)} µs of CPU a flow`);
    return cost;
  });
  const [own, many, ...others] = contenders.map(({ what: name }, index) => ({ name, samples: samples[index] ?? [] }));
  if (own === undefined || many === undefined) return [];
  const unit = "µs of CPU a flow";
  return [own, many].flatMap((figures) =>
    others.map((beside) =>
      row("grpc", unit, figures, {
        beside,
        goal: beside === others[0] ? { of: "ratio", limit: 2 } : undefined,
      })
    )
  );
}

function filesOf({ certificate, key, ca }: TlsFiles): string[] {
  return ["--certificate", certificate, "--key", key, "--ca", ca];
}

function requestOf(flows: RecordFlows, message: Uint8Array): Uint8Array {
  for (const request of flows.requests(message)) return request;
  return new Uint8Array(0);
}

/** The workload's block as requests, each behind its length in four octets. */
export function requests(workload: Workload, perRequest: number): Uint8Array {
  const ledger = new FlowLedger();
  ledger.begin(new Counters());
  const flows = new RecordFlows(flowElements(antreaFlowReleases()), ledger);
  for (const _request of flows.requests(workload.templates)) { /* Only learnt. */ }
  const messages = [...messagesOf(workload.block)];
  const parts: Uint8Array[] = [];
  for (let first = 0; first + perRequest <= messages.length; first += perRequest) {
    const flow = messages.slice(first, first + perRequest).map((message) => requestOf(flows, message));
    const length = flow.reduce((octets, part) => octets + part.length, 0);
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setUint32(0, length);
    parts.push(prefix, ...flow);
  }
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Streams of one connection that have sent one flow each. */
async function measureIdleStreams(
  { scale, directory, said }: Bench,
  peer: string,
  { exporter, relay: listener }: Certificates,
): Promise<Row[]> {
  const name = `${scale.idleStreams} idle streams`;
  const samples = await inTurn([name], Math.min(scale.rounds, 3), async () => {
    const sink = Child.deno("the sink", "load/sink.ts", []);
    const port = freePort();
    const collector = Number(await sink.line());
    const proxy = await startProxy({ profile: OLDER, tls: listener, grpc: true })(port, collector, directory);
    const address = ["--collector", `127.0.0.1:${port}`, "--server-name", "127.0.0.1"];
    const agents = new Child("the exporter", peer, ["export", ...address, ...filesOf(exporter)]);
    try {
      await proxy.listensOn(port);
      const half = Math.ceil(scale.idleStreams / 2);
      const openUpTo = async (first: number, end: number) => {
        for (let stream = first; stream < end; stream++) await agents.ask(JSON.stringify({ stream, flows: [{}] }));
        // Each stream's templates and flow.
        await sink.ask(String(3 * end));
        await new Promise((resolve) => setTimeout(resolve, scale.restMilliseconds));
        return await residentMemory(proxy.pid);
      };
      const [before, after] = [await openUpTo(0, half), await openUpTo(half, scale.idleStreams)];
      const run = { each: (after - before) / (scale.idleStreams - half) / 1000, all: after / 1e6 };
      said(`${name}: ${run.each.toFixed(1)} KB a stream, ${run.all.toFixed(0)} MB`);
      return run;
    } finally {
      for (const child of [agents, proxy, sink]) await child.end();
    }
  });
  const of = (key: "each" | "all") => ({ name, samples: samples[0]?.map((run) => run[key]) ?? [] });
  return [row("grpc", "KB a stream", of("each")), row("grpc", "MB resident", of("all"))];
}
