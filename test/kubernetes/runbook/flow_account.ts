/** What has become of every flow that Agents sent: compared at the collectors, value by value. */
import { isDeepStrictEqual } from "node:util";
import { toJson } from "@bufbuild/protobuf";
import { usesGrpc } from "../../../src/config/profiles/antrea_releases.ts";
import { type Flow, FlowSchema } from "../../../src/proxy/transport/grpc/flow/flow_export_pb.ts";
import { agentFlow, flowValueOf } from "../../interop/grpc/agent_flows.ts";
import { judge } from "../../interop/measure/judge.ts";
import type { Received } from "../../interop/peers/peers.ts";
import { line } from "../../interop/peers/releases.ts";
import { numberOf, valueOf } from "../../interop/peers/values.ts";
import type { PlayedCluster } from "./played_cluster.ts";

/** Numbers of flows. */
export interface Account {
  readonly sent: number;
  /** Each flow once. */
  readonly arrived: ReadonlySet<number>;
  /** Delivered more than once. */
  readonly twice: readonly number[];
  /** Delivered with other fields than the collector's list, or with wrong values. */
  readonly wrong: readonly number[];
}

/** A flow as a collector took it: its number, and whether it is what the Agent of this release sent. */
interface Delivered {
  readonly number: number;
  isRight(agent: string): boolean;
}

/** Looks at all that the collectors have delivered so far. */
export function accountOf(cluster: PlayedCluster): Account {
  const { sent } = cluster;
  const arrived = new Set<number>();
  const [twice, wrong]: [number[], number[]] = [[], []];
  for (const { number, isRight } of delivered(cluster)) {
    const agent = sent.get(number);
    if (arrived.has(number)) twice.push(number);
    if (agent === undefined || !isRight(agent)) wrong.push(number);
    if (agent !== undefined) arrived.add(number);
  }
  return { sent: sent.size, arrived, twice, wrong };
}

function* delivered({ aggregators, flowCollectors }: PlayedCluster): Generator<Delivered> {
  for (const { collector, release } of aggregators) {
    for (const message of collector.received) {
      for (const record of message.records ?? []) {
        const number = numberOf(new Map(record).get("flowStartSeconds")) ?? -1;
        yield { number, isRight: (agent) => isRightRecord(agent, release, { ...message, records: [record] }) };
      }
    }
  }
  for (const { received } of flowCollectors) {
    for (const { flow } of received) {
      const number = numberOf(String(flow.startTs?.seconds)) ?? -1;
      yield { number, isRight: (agent) => isRightFlow(agent, number, flow) };
    }
  }
}

function isRightRecord(agent: string, collector: string, message: Received): boolean {
  const pair = { agent: line(agent), collector: line(collector) };
  const value = usesGrpc({ release: agent }) ? flowValueOf : valueOf;
  const { exact, correct } = judge(pair, [message], "typical", value);
  return exact === 1 && correct === 1;
}

/** Straight from an Agent: as it was made, but for what the collector notes itself. */
function isRightFlow(agent: string, number: number, flow: Flow): boolean {
  const made = agentFlow(line(agent), "ipv4", number, "typical", flow.ipfix?.observationDomainId);
  if (made.ipfix !== undefined) made.ipfix.exporterIp = flow.ipfix?.exporterIp ?? "";
  return isDeepStrictEqual(toJson(FlowSchema, flow), toJson(FlowSchema, made));
}
