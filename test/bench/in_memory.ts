import { loadProfile } from "../../src/config/profiles.ts";
import { registryHistory } from "../../src/config/registries.ts";
import { leaseBuffer, releaseBuffer } from "../../src/mediation/rewrite_loop/memory.ts";
import type { SessionRewriter } from "../../src/mediation/session_rewriter.ts";
import { openSession } from "./chain.ts";
import { PlainRewriter } from "./plain_rewriter.ts";
import { BLOCK_LENGTH, messagesOf, Workload, type WorkloadOptions } from "./workload.ts";

/** One line of the table. Octets are those that came in. */
export interface MemoryResult {
  readonly what: string;
  readonly families: string;
  readonly recordsPerMessage: number;
  readonly messageOctets: number;
  readonly recordsPerSecond: number;
  readonly gigabytesPerSecond: number;
  readonly nanosecondsPerRecord: number;
}

/** Rewrites the whole block once; the octets that came out. */
type Pass = () => number;

const DIRECTIONS = [["antrea/v2.0", "antrea/v1.15"], ["antrea/v1.15", "antrea/v2.0"], [
  "antrea/v2.0",
  "antrea/v2.0",
]] as const;
const SHAPES: readonly WorkloadOptions[] = [
  { families: "IPv4", recordsPerMessage: 1 },
  { families: "both", recordsPerMessage: 1 },
  { families: "IPv4", recordsPerMessage: 16 },
  { families: "both", recordsPerMessage: 16 },
];

/**
 * Rewriting alone, without sockets: every direction in every shape, and beside it what copying the octets once costs and what
 * plain decoding and encoding costs.
 *
 * @param seconds how long each line is measured; a quarter of it is run before, unmeasured
 */
export function measureInMemory(seconds: number, said: (line: string) => void): MemoryResult[] {
  const results: MemoryResult[] = [];
  const measured = (what: string, workload: Workload, pass: Pass) => {
    const result = measure(what, workload, pass, seconds);
    said(
      `${what}, ${result.families}, ${result.recordsPerMessage} a message: ${
        result.gigabytesPerSecond.toFixed(2)
      } GB/s`,
    );
    results.push(result);
  };
  for (const shape of SHAPES) {
    for (const [from, to] of DIRECTIONS) {
      const workload = new Workload(loadProfile(from), shape);
      withBuffers((input, output) => {
        const session = openSession(to);
        rewriteAll(session, workload.templates, output);
        measured(`${from} to ${to}`, workload, () => {
          input.set(workload.block);
          return rewriteAll(session, input.subarray(0, workload.block.length), output);
        });
        const { recordsReceived, recordsSent } = session.counters;
        if (recordsSent !== recordsReceived) {
          throw new Error(`${recordsReceived} records came in, ${recordsSent} went out`);
        }
        session.close();
      });
    }
  }
  const [shape = { families: "IPv4", recordsPerMessage: 1 }] = SHAPES;
  const workload = new Workload(loadProfile("antrea/v2.0"), shape);
  withBuffers((input, output) => {
    measured("copy the input", workload, () => {
      input.set(workload.block);
      return workload.block.length;
    });
    measured("copy the input, and once more", workload, () => {
      input.set(workload.block);
      output.set(input.subarray(0, workload.block.length));
      return workload.block.length;
    });
    measured("antrea/v2.0 to antrea/v1.15, decode and encode", workload, plainPass(workload, input));
  });
  return results;
}

function plainPass(workload: Workload, input: Uint8Array): Pass {
  const plain = new PlainRewriter(loadProfile("antrea/v1.15"), registryHistory());
  for (const message of messagesOf(workload.templates)) plain.rewrite(message);
  return () => {
    input.set(workload.block);
    let octets = 0;
    for (const message of messagesOf(workload.block)) octets += plain.rewrite(message)?.length ?? 0;
    return octets;
  };
}

/** Gives buffers that lie where the proxy's lie. */
function withBuffers(use: (input: Uint8Array, output: Uint8Array) => void): void {
  const [input, output] = [leaseBuffer(BLOCK_LENGTH), leaseBuffer(BLOCK_LENGTH)];
  if (input === undefined || output === undefined) {
    throw new Error("the rewrite loop's memory has no room for two buffers");
  }
  try {
    use(input, output);
  } finally {
    releaseBuffer(input);
    releaseBuffer(output);
  }
}

/** Drives a session as the proxy does; the octets that came out. */
function rewriteAll(session: SessionRewriter, input: Uint8Array, output: Uint8Array): number {
  let start = 0;
  let octets = 0;
  do {
    session.rewrite(input.subarray(start), output);
    start += session.consumed;
    octets += session.produced;
  } while (session.consumed > 0 || session.produced > 0);
  if (start !== input.length) throw new Error(`${input.length - start} of ${input.length} octets were not taken`);
  return octets;
}

function measure(what: string, workload: Workload, pass: Pass, seconds: number): MemoryResult {
  const { messages, records, block, options } = workload;
  const run = (milliseconds: number): { passes: number; spent: number } => {
    let passes = 0;
    let spent = 0;
    while (spent < milliseconds) {
      workload.advance();
      const start = performance.now();
      const octets = pass();
      spent += performance.now() - start;
      passes++;
      if (octets === 0) throw new Error(`${what}: nothing came out`);
    }
    return { passes, spent };
  };
  run(seconds * 250);
  const { passes, spent } = run(seconds * 1000);
  return {
    what,
    families: options.families,
    recordsPerMessage: options.recordsPerMessage,
    messageOctets: Math.round(block.length / messages),
    recordsPerSecond: records * passes / spent * 1e3,
    gigabytesPerSecond: block.length * passes / spent / 1e6,
    nanosecondsPerRecord: spent * 1e6 / (records * passes),
  };
}
