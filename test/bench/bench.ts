import type { Row } from "./rows.ts";

/** How much is measured. */
export interface Scale {
  /** Times that each contender has its turn. */
  readonly rounds: number;
  /** Octets sent through each relay before what is measured, and then. */
  readonly warmUp: number;
  readonly octets: number;
  /** How many shapes of what exporters send are sent through relays, of four. */
  readonly shapes: number;
  /** The same for programs that take ten times as long and more. */
  readonly slowWarmUp: number;
  readonly slowOctets: number;
  /** For each line in memory. */
  readonly memorySeconds: number;
  /** One after the other, for each line of latency. */
  readonly messages: number;
  /** Under 20,000 messages a second. */
  readonly pacedSeconds: number;
  readonly pacedMessagesPerSecond: number;
  readonly manySessions: number;
  readonly idleSessions: number;
  /** That connect over TLS all at once. */
  readonly returningSessions: number;
  /** So long sessions are left alone before memory is looked at. */
  readonly restMilliseconds: number;
  readonly datagrams: number;
  readonly starts: number;
  /** Sent as flows over gRPC, before what is measured and then. */
  readonly warmUpFlows: number;
  readonly flows: number;
  readonly idleStreams: number;
}

/** What counts. */
export const FULL: Scale = {
  rounds: 5,
  warmUp: 1e9,
  octets: 2e9,
  shapes: 4,
  slowWarmUp: 30e6,
  slowOctets: 120e6,
  memorySeconds: 1,
  messages: 5_000,
  pacedSeconds: 10,
  pacedMessagesPerSecond: 20_000,
  manySessions: 1_000,
  idleSessions: 5_000,
  returningSessions: 5_000,
  restMilliseconds: 3_000,
  datagrams: 300_000,
  starts: 5,
  warmUpFlows: 200_000,
  flows: 400_000,
  idleStreams: 1_000,
};

/** Under a minute on a machine that does nothing else; its figures are near those that count. */
export const QUICK: Scale = {
  rounds: 1,
  warmUp: 0.1e9,
  octets: 0.25e9,
  shapes: 4,
  slowWarmUp: 10e6,
  slowOctets: 30e6,
  memorySeconds: 0.1,
  messages: 1_000,
  pacedSeconds: 1,
  pacedMessagesPerSecond: 20_000,
  manySessions: 1_000,
  idleSessions: 3_000,
  returningSessions: 1_000,
  restMilliseconds: 3_000,
  datagrams: 30_000,
  starts: 2,
  warmUpFlows: 30_000,
  flows: 60_000,
  idleStreams: 1_000,
};

/** What a part of the bench is given. */
export interface Bench {
  readonly scale: Scale;
  /** Whether HAProxy is there to be measured beside. */
  readonly haproxy: boolean;
  /** Paths of the programs in Go: exporters and collectors, and what is made with go-ipfix. Missing: there is no Go. */
  readonly go?: { readonly ends: string; readonly collect: string; readonly mediate: string; readonly grpc: string };
  /** Empty, removed at the end. */
  readonly directory: string;
  /** Says to the person how far it is. */
  readonly said: (line: string) => void;
}

/** Measures one part. */
export type Part = (bench: Bench) => Promise<Row[]>;
