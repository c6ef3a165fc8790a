import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { registryHistory } from "../../../src/config/profiles/registries.ts";
import { leaseBuffer, releaseBuffer } from "../../../src/mediation/program/loop/memory.ts";
import type { SessionRewriter } from "../../../src/mediation/session/session_rewriter.ts";
import type { Bench } from "../bench.ts";
import { openSession } from "./chain.ts";
import { PlainRewriter } from "./plain_rewriter.ts";
import { type Figures, inTurn, type Row, row } from "../rows.ts";
import { caseName } from "./whole_proxy.ts";
import { BLOCK_LENGTH, messagesOf, Workload, type WorkloadOptions } from "../load/workload.ts";

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

/** Something that is measured: what it is called, and how long one record takes it. */
interface Case {
  readonly name: string;
  /** Nanoseconds a record, measured for so long. */
  readonly measure: (seconds: number) => number;
}

const COPY = "copy the input";
const PLAIN = "v2.0 to v1.15, decode and encode, IPv4, 1 a message";

/**
 * The part `memory`: rewriting alone, without sockets, every direction in every shape; beside it what copying the
 * octets once costs and what plain decoding and encoding costs.
 */
export async function measureInMemory({ scale, said }: Bench): Promise<Row[]> {
  const cases = [...rewritingCases(), ...generalWalkCases(), ...comparisons()];
  const samples = await inTurn(cases, scale.rounds, ({ name, measure }) => {
    const nanoseconds = measure(scale.memorySeconds);
    said(`${name}, in memory: ${nanoseconds.toFixed(0)} ns a record`);
    return Promise.resolve(nanoseconds);
  });
  const figures: Figures[] = cases.map(({ name }, index) => ({ name, samples: samples[index] ?? [] }));
  const beside = (name: string) => figures.find((one) => one.name === name);
  return figures.filter(({ name }) => name !== COPY).map((one) =>
    row("memory", "ns a record", one, { beside: beside(comparedWith(one.name)) })
  );
}

const REWRITING = caseName("antrea/v2.0", "antrea/v1.15", { families: "IPv4", recordsPerMessage: 1 });

/** The name of the case that a row stands beside. */
function comparedWith(name: string): string {
  if (name === REWRITING) return PLAIN;
  return SHAPES.map((shape) => [generalWalkName(shape), caseName("antrea/v2.0", "antrea/v1.15", shape)] as const)
    .find(([general]) => general === name)?.[1] ?? COPY;
}

function rewritingCases(): Case[] {
  return SHAPES.flatMap((shape) =>
    DIRECTIONS.map(([from, to]) => ({
      name: caseName(from, to, shape),
      measure: (seconds: number) => rewritingTime(from, to, shape, seconds),
    }))
  );
}

/** The same messages with the loop's general walk alone: what the generated walk functions are worth. */
function generalWalkCases(): Case[] {
  return SHAPES.map((shape) => ({
    name: generalWalkName(shape),
    measure: (seconds: number) =>
      rewritingTime("antrea/v2.0", "antrea/v1.15", shape, seconds, { messagesBeforeWalkFunction: Infinity }),
  }));
}

function generalWalkName(shape: WorkloadOptions): string {
  return `${caseName("antrea/v2.0", "antrea/v1.15", shape)}, general walk`;
}

/** Nanoseconds a record, in a session of its own. */
function rewritingTime(
  from: string,
  to: string,
  shape: WorkloadOptions,
  seconds: number,
  options: Parameters<typeof openSession>[1] = {},
): number {
  const workload = new Workload(loadProfile(from), shape);
  return withBuffers((input, output) => {
    const session = openSession(to, options);
    rewriteAll(session, workload.templates, output);
    const nanoseconds = measure(workload, () => {
      input.set(workload.block);
      return rewriteAll(session, input.subarray(0, workload.block.length), output);
    }, seconds);
    const { recordsReceived, recordsSent } = session.counters;
    if (recordsSent !== recordsReceived) {
      throw new Error(`${recordsReceived} records came in, ${recordsSent} went out`);
    }
    session.close();
    return nanoseconds;
  });
}

function comparisons(): Case[] {
  const workload = new Workload(loadProfile("antrea/v2.0"), { families: "IPv4", recordsPerMessage: 1 });
  return [{
    name: COPY,
    measure: (seconds) =>
      withBuffers((input) =>
        measure(workload, () => {
          input.set(workload.block);
          return workload.block.length;
        }, seconds)
      ),
  }, {
    name: PLAIN,
    measure: (seconds) => withBuffers((input) => measure(workload, plainPass(workload, input), seconds)),
  }];
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
function withBuffers<Result>(use: (input: Uint8Array, output: Uint8Array) => Result): Result {
  const [input, output] = [leaseBuffer(BLOCK_LENGTH), leaseBuffer(BLOCK_LENGTH)];
  if (input === undefined || output === undefined) {
    throw new Error("the rewrite loop's memory has no room for two buffers");
  }
  try {
    return use(input, output);
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

/** Nanoseconds a record. @param seconds how long it is measured; a quarter of it is run before, unmeasured */
function measure(workload: Workload, pass: Pass, seconds: number): number {
  const run = (milliseconds: number): number => {
    let [passes, spent] = [0, 0];
    while (spent < milliseconds) {
      workload.advance();
      const start = performance.now();
      const octets = pass();
      spent += performance.now() - start;
      passes++;
      if (octets === 0) throw new Error("nothing came out");
    }
    return spent * 1e6 / (workload.records * passes);
  };
  run(seconds * 250);
  return run(seconds * 1000);
}
