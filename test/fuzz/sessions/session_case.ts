import type { Random } from "../input/random.ts";
import { Exporter } from "../input/exporter.ts";
import { COLLECTOR_NAMES } from "../input/collectors.ts";
import { simplerMessages, without } from "../input/simpler_messages.ts";

/** One thing that happens to the sessions of a proxy. Exporters are numbered. */
export type Step =
  /** An exporter sends messages, cut into chunks of so many octets; over UDP a datagram each. */
  | { readonly do: "send"; readonly exporter: number; readonly chunk: number; readonly messages: readonly Uint8Array[] }
  /** It closes its connection in order, or resets it, and comes back from the same address and port. */
  | { readonly do: "restart"; readonly exporter: number; readonly inOrder: boolean }
  /** The clock jumps. */
  | { readonly do: "jump"; readonly milliseconds: number }
  /** All connections to the collector are lost, each once it has taken so many more octets. */
  | { readonly do: "lose"; readonly room: number }
  /** The collector stops taking octets, or takes them again. */
  | { readonly do: "stall"; readonly stalled: boolean }
  /** So many of the next attempts to reach the collector fail. */
  | { readonly do: "refuse"; readonly attempts: number }
  /** Another configuration: this collector is expected. */
  | { readonly do: "reload"; readonly collector: string; readonly observe: boolean }
  /** The collector's process is another one. */
  | { readonly do: "epoch" }
  /** The administrator closes a session. */
  | { readonly do: "stop"; readonly exporter: number }
  /** The transport asks an exporter to end, as a drain does. */
  | { readonly do: "drain"; readonly exporter: number };

/** Sessions of one proxy, and what happens to them in turn. */
export interface SessionCase {
  readonly collector: string;
  /** The transport of each exporter. */
  readonly exporters: readonly ("tcp" | "udp")[];
  /** Milliseconds that exporters are held while the collector is away. */
  readonly hold: number;
  readonly templateChanges: number;
  /** Octets that the collector takes in one write. */
  readonly piece: number;
  /** Milliseconds that pass with each look at the clock. */
  readonly clockStep: number;
  readonly inLoopMemory: boolean;
  /** Octets for messages that wait. */
  readonly messageMemory: number;
  readonly steps: readonly Step[];
}

export function drawSessionCase(random: Random): SessionCase {
  const exporters = random.list(random.between(1, 3), () => random.pick(["tcp", "tcp", "udp"] as const));
  // Over TCP, a lie ends the session: most exporters say the truth.
  const sources = exporters.map((transport) =>
    new Exporter(random, {
      lies: random.pick(transport === "tcp" ? [0, 0, 0, 1000] : [0, 0, 50, 500]),
      longest: transport === "udp" ? 1400 : random.pick([600, 4000, 65_535]),
    })
  );
  const steps: Step[] = sources.map((source, exporter) => ({
    do: "send",
    exporter,
    chunk: 65_535,
    messages: [source.announce(), source.announce()],
  }));
  for (let count = random.between(3, 25); count > 0; count--) steps.push(drawStep(random, sources));
  return {
    collector: random.pick(COLLECTOR_NAMES),
    exporters,
    hold: random.pick([0, 2_000, 600_000]),
    templateChanges: random.pick([3, 1_000, 1_000]),
    piece: random.pick([7, 100, 1_000, 100_000, 100_000]),
    clockStep: random.pick([0, 0.01, 0.2]),
    inLoopMemory: random.oneIn(2),
    messageMemory: random.pick([8_000, 100_000, 2 ** 25]),
    steps,
  };
}

function drawStep(random: Random, sources: readonly Exporter[]): Step {
  const exporter = random.below(sources.length);
  const source = sources[exporter];
  const kind = random.below(20);
  if (source === undefined || kind < 9) {
    const messages = source === undefined ? [] : random.list(random.between(1, 6), () => source.next());
    if (random.oneIn(4)) messages.splice(random.below(messages.length), 0, ...messages.splice(0, 1));
    if (random.oneIn(8)) messages.push(...messages.slice(0, 2));
    return { do: "send", exporter, chunk: random.pick([65_535, 65_535, 1_000, 137]), messages };
  }
  if (kind === 9) {
    source.restart();
    return { do: "restart", exporter, inOrder: random.oneIn(2) };
  }
  if (kind < 12) return { do: "jump", milliseconds: random.pick([1, 60, 400, 6_000, 31_000, 700_000, 6_000_000]) };
  if (kind < 14) return { do: "lose", room: random.pick([0, 1, 15, 16, random.below(3_000)]) };
  if (kind === 14) return { do: "stall", stalled: random.oneIn(2) };
  if (kind === 15) return { do: "refuse", attempts: random.pick([1, 2, 5, 40]) };
  if (kind === 16) return { do: "reload", collector: random.pick(COLLECTOR_NAMES), observe: random.oneIn(5) };
  if (kind === 17) return { do: "epoch" };
  if (kind === 18) return { do: random.pick(["stop", "drain"]), exporter };
  return { do: "send", exporter, chunk: 65_535, messages: [source.announce()] };
}

export function octetsOfSessions({ steps }: SessionCase): number {
  return steps.reduce(
    (sum, step) => step.do === "send" ? step.messages.reduce((sum, { length }) => sum + length, sum) : sum,
    0,
  );
}

/** Fewer steps first, then plainer settings, then simpler messages. */
export function* simplerSessions(one: SessionCase): Iterable<SessionCase> {
  for (const steps of without(one.steps)) yield { ...one, steps };
  if (one.exporters.length > 1) {
    for (const kept of one.exporters.keys()) {
      const exporters = one.exporters.slice(kept, kept + 1);
      const steps = one.steps.flatMap((step): Step[] =>
        "exporter" in step ? step.exporter === kept ? [{ ...step, exporter: 0 }] : [] : [step]
      );
      yield { ...one, exporters, steps };
    }
  }
  if (one.piece !== 100_000) yield { ...one, piece: 100_000 };
  if (one.clockStep !== 0) yield { ...one, clockStep: 0 };
  if (one.inLoopMemory) yield { ...one, inLoopMemory: false };
  if (one.messageMemory !== 2 ** 25) yield { ...one, messageMemory: 2 ** 25 };
  if (one.templateChanges !== 1_000) yield { ...one, templateChanges: 1_000 };
  if (one.collector !== "rfc7011") yield { ...one, collector: "rfc7011" };
  for (const [index, step] of one.steps.entries()) {
    if (step.do !== "send") continue;
    if (step.chunk !== 65_535) yield { ...one, steps: one.steps.with(index, { ...step, chunk: 65_535 }) };
    for (const messages of simplerMessages(step.messages)) {
      yield { ...one, steps: one.steps.with(index, { ...step, messages }) };
    }
  }
}
