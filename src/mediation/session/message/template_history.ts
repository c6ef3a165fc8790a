import type { ReferenceScope } from "../../references/reference_scope.ts";
import type { TemplateEntry } from "../../templates/template_entry.ts";

/** A template that a message changed. */
interface Change {
  /** How many changes of the message there were with this one. */
  readonly number: number;
  /** What stood there before; undefined: nothing. */
  readonly before: TemplateEntry | undefined;
}

/**
 * How one message changes the templates of its observation domain, so that its records find those that stood at their
 * place. A message may have thousands of places: a copy of all templates for each would take 38 MB.
 */
export class TemplateHistory {
  readonly #current: (template: number) => TemplateEntry | undefined;
  /** By template, in their order. */
  readonly #changes = new Map<number, Change[]>();
  #count = 0;

  /** @param current returns what stands now */
  constructor(current: (template: number) => TemplateEntry | undefined) {
    this.#current = current;
  }

  /** A template is replaced, withdrawn or new. @param before what stood there; undefined: nothing */
  note(template: number, before: TemplateEntry | undefined): void {
    const change = { number: ++this.#count, before };
    const changes = this.#changes.get(template);
    if (changes === undefined) this.#changes.set(template, [change]);
    else changes.push(change);
  }

  /** The templates as they stand at this place of the message. */
  get scope(): ReferenceScope {
    const count = this.#count;
    return { templates: { get: (template) => this.#at(template, count) } };
  }

  #at(template: number, count: number): TemplateEntry | undefined {
    const changes = this.#changes.get(template) ?? [];
    let [first, last] = [0, changes.length];
    while (first < last) {
      const middle = first + last >>> 1;
      if ((changes[middle]?.number ?? 0) > count) last = middle;
      else first = middle + 1;
    }
    const next = changes[first];
    return next === undefined ? this.#current(template) : next.before;
  }
}
