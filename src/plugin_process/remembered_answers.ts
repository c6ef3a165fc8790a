import type { TemplateMapping } from "../mediation/mapping/template_mapping.ts";

/** Answers that are remembered. Mappings that the core has compiled are remembered there as well. */
const ANSWERS = 1024;
/** Octets of all answers that are remembered, about: a line of the process may have 4 MiB. */
const ANSWER_OCTETS = 32 * 1024 * 1024;
/** Octets that a field of a mapping takes, about, besides those of its constant. */
const FIELD_OCTETS = 400;

/** What an answer comes to, or when it is there. */
export type RememberedAnswer = { readonly mapping: TemplateMapping } | { readonly error: string } | Promise<void>;

interface Remembered {
  readonly answer: RememberedAnswer;
  readonly until: number;
  /** About. */
  readonly octets: number;
}

/**
 * The answers of one plugin's process, whichever instance was asked, so that it is asked once. Exporters choose the
 * questions: of many or long ones, the oldest are forgotten.
 */
export class RememberedAnswers {
  readonly #answers = new Map<string, Remembered>();
  #octets = 0;

  /** The answer to a question; undefined: there is none that still stands. */
  get(question: string): RememberedAnswer | undefined {
    const known = this.#answers.get(question);
    return known === undefined || known.until < performance.now() ? undefined : known.answer;
  }

  /** @param until when the answer stands no longer, as `performance.now` counts */
  set(question: string, answer: RememberedAnswer, until = Infinity): void {
    this.#forget(question);
    const octets = question.length + octetsOf(answer);
    this.#answers.set(question, { answer, until, octets });
    this.#octets += octets;
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= ANSWERS && this.#octets <= ANSWER_OCTETS || oldest === question) return;
      this.#forget(oldest);
    }
  }

  #forget(question: string): void {
    this.#octets -= this.#answers.get(question)?.octets ?? 0;
    this.#answers.delete(question);
  }
}

function octetsOf(answer: RememberedAnswer): number {
  if (answer instanceof Promise) return 0;
  if ("error" in answer) return answer.error.length;
  return answer.mapping.fields.reduce(
    (sum, { value }) => sum + FIELD_OCTETS + (value.from === "constant" ? value.octets.length : 0),
    0,
  );
}
