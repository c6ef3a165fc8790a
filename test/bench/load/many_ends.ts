import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { Child } from "../child.ts";
import type { TlsFiles } from "../relays/relays.ts";
import type { Ends } from "./stream.ts";
import { Workload, type WorkloadOptions } from "./workload.ts";

// What `go/ends` is told. It knows nothing of profiles: it gets what exporters send as octets.

/**
 * Octets of the block that an exporter sends over and over: a thousand that write it at once fill no more than the
 * kernel's buffers, and a program may be given it as an argument.
 */
const BLOCK_LENGTH = 16 * 1024;

/** Which ends speak TLS, and what they show. */
export interface EndsTls {
  readonly exporter?: TlsFiles;
  readonly collector?: TlsFiles;
}

/**
 * Exporters that divide a load among them, and their collector: they take little more for many sessions than for one.
 *
 * @param oneByOne whether each message is written by itself, over TLS in a record of its own, as Agents do
 */
export function manyEnds(program: string, sessions: number, tls: EndsTls = {}, oneByOne = false): Ends {
  const { exporter, collector } = tls;
  return {
    startSink: () =>
      new Child("the sink", program, ["sink", ...(collector === undefined ? [] : [JSON.stringify(collector)])]),
    startLoad: (port, { profile, warmUp, octets, ...options }) => {
      const { block, ...messages } = messagesFor(profile, options);
      const blocks = (octets: number) => Math.max(1, Math.round(octets / sessions / block.length));
      const load = {
        ...messages,
        block: base64(block),
        port,
        sessions,
        tls: exporter,
        oneByOne,
        warmUp: blocks(warmUp),
        blocks: blocks(octets),
      };
      return new Child("the load generator", program, ["stream", JSON.stringify(load)]);
    },
  };
}

/** From before a message was written until it was read whole, in milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
}

/** What exporters send together, each message when it is due, whether what was before has arrived or not. */
export interface PacedLoad {
  /** The exporters' release. */
  readonly profile: string;
  readonly sessions: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly tls?: EndsTls;
}

/** Exporters with their collector: says its port as JSON, wants the port to send to, answers with {@link Latencies}. */
export function startPaced(program: string, { profile, sessions, perSecond, seconds, tls = {} }: PacedLoad): Child {
  const measured = Math.ceil(perSecond * seconds);
  // The first second is not counted, or a quarter where there is less.
  const unmeasured = Math.ceil(Math.min(perSecond, measured / 4));
  const { block, ...messages } = messagesFor(profile, { families: "IPv4", recordsPerMessage: 1 });
  const load = {
    ...messages,
    block: base64(block),
    sessions,
    tls: tls.exporter,
    collectorTls: tls.collector,
    perSecond,
    messages: measured + unmeasured,
    unmeasured,
  };
  return new Child("the load generator", program, ["paced", JSON.stringify(load)]);
}

/** Exporters that come back all at once, each to send its templates and a message of one record. */
export function startReturning(program: string, port: number, sessions: number, profile: string, tls: TlsFiles): Child {
  const { block, ...messages } = messagesFor(profile, { families: "IPv4", recordsPerMessage: 1 });
  const load = { ...messages, block: base64(block), port, sessions, tls };
  return new Child("the exporters", program, ["return", JSON.stringify(load)]);
}

function messagesFor(profile: string, options: WorkloadOptions) {
  const workload = new Workload(loadProfile(profile), { ...options, blockLength: BLOCK_LENGTH });
  const { templates, block } = workload;
  return { templates: base64(templates), block, recordsPerMessage: options.recordsPerMessage };
}

function base64(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets));
}
