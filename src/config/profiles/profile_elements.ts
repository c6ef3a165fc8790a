import { isLengthOfType } from "../../ipfix/abstract_data_type.ts";
import { type InformationElement, unknownElement } from "../../ipfix/information_element.ts";
import type { Registry } from "../../ipfix/registry.ts";
import type { FieldSpecifier } from "../../ipfix/template.ts";
import type { Profile } from "../../mediation/mapping/profile.ts";
import { didYouMean } from "../../mediation/mapping/nearest_names.ts";
import type { Mistake } from "../yaml/mistake.ts";
import type { ElementReference, ProfileDraft } from "./profile_draft.ts";
import { registryHistory } from "./registries.ts";

/**
 * Looks up the elements of a draft in its registry.
 *
 * @returns undefined where one is missing, with mistakes at the positions that name it
 */
export function completeProfile(draft: ProfileDraft, registry: Registry, mistakes: Mistake[]): Profile | undefined {
  const before = mistakes.length;
  const lookup = new Lookup(draft, registry, mistakes);
  const templates = draft.templates.map(({ name, selectedBy, fields }) => ({
    name,
    selectedBy: lookup.element(selectedBy),
    fields: fields.map((field) => lookup.field(field)),
  }));
  const renames = draft.renames.map(({ from, to }) => ({ from: lookup.anyElement(from), to: lookup.element(to) }));
  if (mistakes.length > before) return undefined;
  const { name, dialect, acceptsUnknownElements } = draft;
  const vocabulary = registryHistory().newest;
  return { name, dialect, acceptsUnknownElements, registry: lookup.registry(), templates, renames, vocabulary };
}

class Lookup {
  /** Elements that the profile names only by number: the collector expects them, so it knows them. */
  readonly #extra = new Map<string, InformationElement>();

  constructor(readonly draft: ProfileDraft, readonly known: Registry, readonly mistakes: Mistake[]) {}

  field(reference: ElementReference): FieldSpecifier {
    const element = this.element(reference);
    const length = reference.length ?? element.length;
    if (!isLengthOfType(element.type, length)) {
      this.mistakes.push(
        reference.mistake(`length ${length} does not fit ${element.name} (${element.type}: ${element.length})`),
      );
    } else if (element.known && this.draft.dialect.fieldLengths === "registry" && length !== element.length) {
      const why = `the dialect ${this.draft.dialect.name} decodes by the registry's length`;
      this.mistakes.push(
        reference.mistake(`length ${length} of ${element.name} would be misread: ${why} (${element.length})`),
      );
    }
    return { element: element.known ? element : this.#numbered(element, length), length };
  }

  /** Looks up an element that the collector must know. */
  element(reference: ElementReference): InformationElement {
    const found = this.#find(reference, this.known);
    if (found !== undefined) return found;
    const names = [...this.known.elements()].map(({ name }) => name);
    const elsewhere = registryHistory().newest.byName(reference.text) === undefined ? "" : ", though other releases do";
    this.mistakes.push(reference.mistake(
      `${this.known.name} does not know ${JSON.stringify(reference.text)}${elsewhere}${
        didYouMean(reference.text, names)
      } ` +
        "(an element of the registry, or pen/id)",
    ));
    return unknownElement(0, 0);
  }

  /** Looks up an element that some exporter may send. */
  anyElement(reference: ElementReference): InformationElement {
    return this.#find(reference, registryHistory().newest) ?? this.element(reference);
  }

  registry(): Registry {
    if (this.#extra.size === 0) return this.known;
    const { known } = this;
    const extra = this.#extra;
    return {
      name: known.name,
      lookup: (pen, id) => known.lookup(pen, id) ?? extra.get(`${pen}/${id}`),
      byName: (name) => known.byName(name) ?? extra.get(name),
      *elements() {
        yield* known.elements();
        yield* extra.values();
      },
    };
  }

  #find({ text }: ElementReference, registry: Registry): InformationElement | undefined {
    const numbers = /^(\d{1,10})\/(\d{1,5})$/.exec(text);
    if (numbers === null) return registry.byName(text);
    const [pen, id] = [Number(numbers[1]), Number(numbers[2])];
    if (pen > 0xffffffff || id > 32767) return undefined;
    return registry.lookup(pen, id) ?? unknownElement(pen, id);
  }

  #numbered(element: InformationElement, length: number): InformationElement {
    const standing = this.#extra.get(element.name);
    if (standing !== undefined) return standing;
    const numbered = { ...element, length };
    this.#extra.set(element.name, numbered);
    return numbered;
  }
}
