import { writeCase } from "./case_file.ts";
import { LONGEST_TURN, Meter, ProcessorMeter } from "./meter.ts";
import { Random } from "./input/random.ts";
import type { Target } from "./targets/target.ts";

const ROOT = new URL("../../", import.meta.url).href;

/** How a run goes. */
export interface FuzzOptions {
  readonly targets: readonly Target[];
  readonly seed: number;
  /** Asked between cases: whether to end. */
  readonly isOver: (cases: number) => boolean;
  /** Milliseconds for making one failing case smaller. */
  readonly shrinkTime?: number;
  /** Most octets of memory that the process may come to hold. */
  readonly memory?: number;
  /** Receives each new failure, with the text of its file. */
  readonly onFailure: (failure: Failure) => void;
  /** Called between cases. */
  readonly onProgress?: (report: FuzzReport) => void;
}

/** A case that failed. */
export interface Failure {
  readonly target: string;
  /** `SEED/TARGET/NUMBER`: what makes the case again. */
  readonly name: string;
  readonly message: string;
  /** The case made smaller, as {@link writeCase} writes it. */
  readonly file: string;
}

/** What was done. */
export interface FuzzReport {
  cases: number;
  octets: number;
  readonly byTarget: Map<string, { cases: number; octets: number }>;
  readonly states: Set<string>;
  /** Milliseconds, and the case that took them. */
  worstTurn: { milliseconds: number; name: string };
  /** Most octets that the process held after a case. */
  memory: number;
  failures: number;
}

const SHRINK_TIME = 30_000;
/** 1 GiB: the fuzzer's own reference and its garbage are the most of it. */
const MEMORY = 1024 ** 3;
const LOOK_AT_MEMORY = 256;
/** Times that a long turn is measured again; the shortest counts. */
const SECOND_LOOKS = 5;
/** Cases of one target that may fail before it is left out. */
const FAILURES = 10;

/**
 * Runs cases of all targets in turn. Every case follows from the seed, its target and its number; the same seed runs
 * the same cases in the same order.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { targets, seed, isOver, memory = MEMORY, shrinkTime = SHRINK_TIME, onFailure, onProgress } = options;
  const report: FuzzReport = {
    cases: 0,
    octets: 0,
    byTarget: new Map(targets.map(({ name }) => [name, { cases: 0, octets: 0 }])),
    states: new Set(),
    worstTurn: { milliseconds: 0, name: "" },
    memory: 0,
    failures: 0,
  };
  const seen = new Map<string, number>();
  const fail = (target: string, name: string, message: string, one: unknown) => {
    report.failures++;
    onFailure({ target, name, message, file: writeCase({ target, failure: message, case: one }) });
  };
  const isGivenUp = ({ name }: Target) => (seen.get(name) ?? 0) >= FAILURES;
  const runOne = async (target: Target): Promise<void> => {
    const done = report.byTarget.get(target.name);
    if (done === undefined || isGivenUp(target)) return;
    const name = `${seed}/${target.name}/${done.cases}`;
    const one = target.draw(new Random(name));
    const octets = target.octetsOf(one);
    done.cases++;
    done.octets += octets;
    report.cases++;
    report.octets += octets;
    const judged = await judge(target, one, report.states);
    if (judged.turn > report.worstTurn.milliseconds) report.worstTurn = { milliseconds: judged.turn, name };
    if (judged.failure !== undefined) {
      const kind = kindOf(judged.failure);
      seen.set(target.name, (seen.get(target.name) ?? 0) + 1);
      if (seen.has(kind)) return;
      seen.set(kind, 1);
      const smaller = await shrink(target, one, kind, shrinkTime);
      fail(target.name, name, judged.failure, smaller);
    }
    if (report.cases % LOOK_AT_MEMORY !== 0) return;
    report.memory = Math.max(report.memory, Deno.memoryUsage().rss);
    if (report.memory > memory && !seen.has("memory")) {
      seen.set("memory", 1);
      fail(target.name, name, `the process holds ${report.memory} octets`, one);
    }
  };
  while (!isOver(report.cases) && !targets.every(isGivenUp)) {
    for (const target of targets) {
      for (let index = 0; index < target.share && !isOver(report.cases); index++) await runOne(target);
    }
    onProgress?.(report);
    // Timers and signals have their turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  report.memory = Math.max(report.memory, Deno.memoryUsage().rss);
  return report;
}

/** What came of a case: its longest turn in milliseconds, and what did not hold. */
interface Judged {
  readonly turn: number;
  readonly failure: string | undefined;
}

/** Runs a case; a long turn is measured again before it counts. */
export async function judge(target: Target, one: unknown, states = new Set<string>()): Promise<Judged> {
  const meter = new Meter();
  const failure = await failureOf(target, one, meter);
  for (const state of meter.states) states.add(`${target.name}: ${state}`);
  if (failure !== undefined) return { turn: meter.longest, failure };
  let turn = meter.longest;
  for (let look = 0; look < SECOND_LOOKS && turn > LONGEST_TURN; look++) {
    for (const again of [new Meter(), new ProcessorMeter()]) {
      await failureOf(target, one, again);
      turn = Math.min(turn, again.longest);
    }
  }
  return { turn, failure: turn > LONGEST_TURN ? `a turn of ${turn.toFixed(1)} ms` : undefined };
}

async function failureOf(target: Target, one: unknown, meter: Meter): Promise<string | undefined> {
  try {
    await target.run(one, meter);
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}\n${stackOf(error)}` : `thrown: ${String(error)}`;
  }
}

/** The stack as far as it lies in this repository, with paths relative to its top: failures are kept in files. */
function stackOf({ stack = "" }: Error): string {
  return stack.split("\n").filter((line) => !line.includes("file:") || line.includes(ROOT)).join("\n").replaceAll(
    ROOT,
    "",
  );
}

/** What tells failures apart: the first line, without its figures. */
export function kindOf(failure: string): string {
  return (failure.split("\n")[0] ?? "").replace(/[0-9]+/g, "#").slice(0, 200);
}

/**
 * Makes a failing case smaller as long as it fails in the same way.
 *
 * @param milliseconds after which the smallest case so far is returned
 */
async function shrink<Case>(
  target: Target<Case>,
  one: Case,
  kind: string,
  milliseconds: number,
): Promise<Case> {
  const end = performance.now() + milliseconds;
  let smallest = one;
  for (let smaller: Case | undefined = one; smaller !== undefined;) {
    smallest = smaller;
    smaller = undefined;
    for (const candidate of target.simpler(smallest)) {
      if (performance.now() > end) return smallest;
      const { failure } = await judge(target as Target, candidate);
      if (failure === undefined || kindOf(failure) !== kind) continue;
      smaller = candidate;
      break;
    }
  }
  return smallest;
}
