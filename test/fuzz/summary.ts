import type { FuzzReport } from "./fuzzer.ts";

/** One line about a run. */
export function summary(report: FuzzReport, seed: number, milliseconds: number): string {
  const { cases, octets, states, worstTurn, memory, failures } = report;
  const seconds = Math.round(milliseconds / 1000);
  const turn = worstTurn.name === "" ? "none" : `${worstTurn.milliseconds.toFixed(1)} ms (${worstTurn.name})`;
  return `fuzz: seed ${seed}, ${cases} cases, ${octets} octets, ${states.size} states, worst turn ${turn}, ` +
    `${Math.round(memory / 2 ** 20)} MiB, ${seconds} s, ${failures} failed`;
}
