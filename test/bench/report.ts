import { tableLines } from "../../src/terminal/text_table.ts";
import type { Scale } from "./bench.ts";
import type { Goal, Row } from "./rows.ts";

/** All that one run measured. */
export interface BenchReport {
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly kernel: string;
    readonly deno: string;
    /** Load averages of one minute, before and after: well under one where nothing else runs. */
    readonly loadBefore: number;
    readonly loadAfter: number;
  };
  /** Versions of what was measured beside, or why it was left out. */
  readonly haproxy: string;
  readonly go: string;
  readonly seconds: number;
  readonly scale: Scale;
  readonly rows: readonly Row[];
}

/** The report for a person: one table. */
export function formatReport({ machine, haproxy, go, seconds, scale, rows }: BenchReport): string {
  const { cpu, cores, kernel, deno, loadBefore, loadAfter } = machine;
  const head = ["part", "what", "unit", "figure", "beside", "its figure", "ratio", "goal", ""];
  const left = new Set(["part", "what", "unit", "beside", ""]);
  return [
    `${cores} cores, ${cpu}, Linux ${kernel}, Deno ${deno}; HAProxy: ${haproxy}; Go: ${go}`,
    `rounds: ${scale.rounds}, medians, in ${seconds.toFixed(0)} s; load average ${loadBefore.toFixed(2)} before, ` +
    `${loadAfter.toFixed(2)} after`,
    "",
    ...tableLines([head, ...rows.map(cells)], head.map((column) => left.has(column) ? "left" : "right")),
  ].join("\n");
}

function cells({ part, what, unit, median, beside, ratio, difference, goal }: Row): string[] {
  const compared = goal?.of === "difference" && difference !== undefined
    ? `${difference < 0 ? "" : "+"}${short(difference)}`
    : ratio === undefined || !Number.isFinite(ratio)
    ? "-"
    : `${short(ratio)} ×`;
  const met = goal === undefined ? undefined : isMet(goal, { figure: median, ratio, difference });
  return [
    part,
    what,
    unit,
    short(median),
    beside?.name ?? "-",
    beside === undefined ? "-" : short(beside.median),
    compared,
    goal === undefined ? "" : goalText(goal),
    met === undefined ? "" : met ? "met" : "missed",
  ];
}

/** Whether a row keeps to its goal; undefined where it was not measured beside what the goal is about. */
export function isMet(
  goal: Goal,
  figures: { readonly [figure in Goal["of"]]: number | undefined },
): boolean | undefined {
  const reached = figures[goal.of];
  if (reached === undefined || Number.isNaN(reached)) return undefined;
  return goal.atLeast === true ? reached >= goal.limit : reached <= goal.limit;
}

function goalText({ of, limit, atLeast }: Goal): string {
  const sign = of === "difference" ? "+" : "";
  return `${atLeast === true ? "≥" : "≤"} ${sign}${limit}${of === "ratio" ? " ×" : ""}`;
}

/** Three figures, no more. */
function short(number: number): string {
  const size = Math.abs(number);
  return number.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
