/** One connection of an Agent, as its release makes it: IPFIX over TLS up to v2.3, gRPC from v2.4 on. */
import { FlowExporter } from "../../interop/grpc/peer.ts";
import { agentFlow } from "../../interop/grpc/agent_flows.ts";
import { Exporter, type Identity } from "../../interop/peers/peers.ts";
import { line, templateOf } from "../../interop/peers/releases.ts";
import { valueOf } from "../../interop/peers/values.ts";
import { usesGrpc } from "../../../src/config/profiles/antrea_releases.ts";
import { SERVER_NAME } from "../../support/kubernetes/aggregator_trust.ts";

/** What an Agent finds in the cluster whenever it connects. */
export interface Destination {
  readonly through: "aggregator" | "proxy";
  readonly ipfix: string;
  /** Missing: the Service has no port for it, or nobody listens there. */
  readonly grpc?: string;
  readonly identity: Identity;
}

/** A connection that stands. */
export interface AgentConnection extends AsyncDisposable {
  /** Hands over the flow of this number; why it could not. */
  send(number: number): Promise<string | undefined>;
  /** Ends it as an Agent does whose Pod ends. */
  close(): Promise<void>;
}

/** @throws where nobody answers, or is not verified */
export function connect(release: string, domain: number, destination: Destination): Promise<AgentConnection> {
  return usesGrpc({ release }) ? connectGrpc(release, domain, destination) : connectIpfix(release, domain, destination);
}

async function connectIpfix(
  release: string,
  observationDomain: number,
  { ipfix, identity }: Destination,
): Promise<AgentConnection> {
  const options = { transport: "tls", identity, serverName: SERVER_NAME, observationDomain } as const;
  const exporter = await Exporter.start(line(release).goIpfix, ipfix, options);
  const names = templateOf(line(release), "ipv4");
  const { error } = await exporter.announce(names);
  if (error !== undefined) {
    await exporter[Symbol.asyncDispose]();
    throw new Error(error);
  }
  return {
    send: async (number) => (await exporter.send(256, names.map((name) => valueOf(name, number, "typical")))).error,
    close: () => exporter.close(),
    [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
  };
}

async function connectGrpc(
  release: string,
  domain: number,
  { grpc, identity }: Destination,
): Promise<AgentConnection> {
  if (grpc === undefined) throw new Error("nobody serves gRPC");
  const exporter = await FlowExporter.start(grpc, identity, SERVER_NAME);
  return {
    send: async (number) => {
      const answer = await exporter.ask({ flows: [agentFlow(line(release), "ipv4", number, "typical", domain)] });
      return answer.sent === 1 ? undefined : answer.error ?? answer.message ?? answer.status ?? "nothing was sent";
    },
    close: async () => {
      await exporter.ask({ end: true });
      await exporter[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
  };
}
