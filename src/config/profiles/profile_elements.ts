import { isLengthOfType } from "../../ipfix/types/abstract_data_type.ts";
import { elementKey, type InformationElement, unknownElement } from "../../ipfix/registry/information_element.ts";
import type { Registry } from "../../ipfix/registry/registry.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { isSelected, type Profile, type ProfileTemplate } from "../../mediation/mapping/profile/profile.ts";
import { didYouMean } from "../../mediation/mapping/profile/nearest_names.ts";
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
  const templates = draft.templates.map(({ name, selectedBy, not, scope, fields }): ProfileTemplate => ({
    name,
    selectedBy: selectedBy.map((element) => lookup.element(element)),
    ...(not.length === 0 ? {} : { not: not.map((element) => lookup.element(element)) }),
    fields: fields.map((field) => lookup.field(field)),
    ...(scope === 0 ? {} : { scopeFieldCount: scope }),
  }));
  refuseTies(templates, draft, mistakes);
  const renames = draft.renames.map(({ from, to }) => ({ from: lookup.anyElement(from), to: lookup.element(to) }));
  if (mistakes.length > before) return undefined;
  const { name, dialect, acceptsUnknownElements } = draft;
  const vocabulary = registryHistory().newest;
  return {
    ...{ name, dialect, acceptsUnknownElements, registry: lookup.registry(), templates, renames, vocabulary },
    ...(draft.servesGrpc ? { servesGrpc: true } : {}),
    ...(draft.warning === undefined ? {} : { warning: draft.warning }),
  };
}

/**
 * Two lists of the same elements between which nothing decides: a source template that selects both keeps as much in
 * one as in the other.
 */
function refuseTies(templates: readonly ProfileTemplate[], draft: ProfileDraft, mistakes: Mistake[]): void {
  const byElements = new Map<string, ProfileTemplate[]>();
  for (const [index, template] of templates.entries()) {
    if (template.selectedBy.length === 0) continue;
    const keys = template.fields.map(({ element }) => elementKey(element));
    const before = byElements.get(keys.sort().join());
    if (before === undefined) {
      byElements.set(keys.join(), [template]);
      continue;
    }
    const elements = new Set(keys);
    const other = before.find((one) => isSelected(one, elements) && isSelected(template, elements));
    before.push(template);
    const message = `selects the same templates as ${JSON.stringify(other?.name)}, and keeps as many of their fields ` +
      "(other elements in selectedBy or not; or selectedBy: [], and only its own template follows it)";
    const mistake = other === undefined ? undefined : draft.templates[index]?.mistake(message);
    if (mistake !== undefined) mistakes.push(mistake);
  }
}

class Lookup {
  /** Elements that the profile names only by number: the collector expects them, so it knows them. */
  readonly #extra = new Map<string, InformationElement>();

  constructor(readonly draft: ProfileDraft, readonly known: Registry, readonly mistakes: Mistake[]) {}

  field(reference: ElementReference): FieldSpecifier {
    const named = this.element(reference);
    const isOdd = reference.enterpriseBit === true && named.pen === 0;
    const element = isOdd ? unknownElement(0, named.id, true) : named;
    const length = reference.length ?? element.length;
    if (reference.isUnusual === true) {
      if (this.draft.dialect.fieldLengths === "registry") {
        this.mistakes.push(
          reference.mistake(`unusualLength: the dialect ${this.draft.dialect.name} decodes by the registry's length`),
        );
      }
    } else if (!isLengthOfType(element.type, length)) {
      this.mistakes.push(
        reference.mistake(`length ${length} does not fit ${element.name} (${element.type}: ${element.length})`),
      );
    } else if (element.known && this.draft.dialect.fieldLengths === "registry" && length !== element.length) {
      const why = `the dialect ${this.draft.dialect.name} decodes by the registry's length`;
      this.mistakes.push(
        reference.mistake(`length ${length} of ${element.name} would be misread: ${why} (${element.length})`),
      );
    }
    return { element: element.known || isOdd ? element : this.#numbered(element, length), length };
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
    const numbered = { ...element, length: length === 0 ? element.length : length };
    this.#extra.set(element.name, numbered);
    return numbered;
  }
}
