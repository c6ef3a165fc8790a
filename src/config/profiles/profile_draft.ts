import { parse } from "node:path";
import { type Dialect, RFC7011 } from "../../mediation/mapping/profile/dialect.ts";
import { didYouMean } from "../../mediation/mapping/profile/nearest_names.ts";
import { chooseDialect } from "./dialect_schema.ts";
import type { Mistake, Path } from "../yaml/mistake.ts";
import type { Additions, ElementChoice, ProfileFile, TemplateFile } from "./profile_schema.ts";
import type { YamlDocument } from "../yaml/yaml_document.ts";

/** A name in a file, with its position. */
export interface Reference {
  readonly text: string;
  /** Creates a mistake at this position. */
  mistake(message: string): Mistake;
}

/** An element that a file names, with its length where that differs from the registry's. */
export interface ElementReference extends Reference {
  readonly length?: number;
  /** Whether the length may be one that the element's type cannot have. */
  readonly isUnusual?: boolean;
  /** Whether it has the enterprise bit though its PEN is 0. */
  readonly enterpriseBit?: boolean;
}

/** A template whose elements have not been looked up yet. */
export interface TemplateDraft {
  readonly name: string;
  /** Creates a mistake at the template's position. */
  mistake(message: string): Mistake;
  readonly selectedBy: readonly ElementReference[];
  readonly not: readonly ElementReference[];
  /** The number of scope fields; 0 for a template that is no options template. */
  readonly scope: number;
  readonly fields: readonly ElementReference[];
}

/** A profile whose elements have not been looked up yet: the extending profile looks them up in its own registry. */
export interface ProfileDraft {
  readonly name: string;
  readonly dialect: Dialect;
  readonly registry: Reference;
  /** The directory that a registry's path starts from. */
  readonly directory: string;
  readonly acceptsUnknownElements: boolean;
  readonly templates: readonly TemplateDraft[];
  readonly renames: readonly { readonly from: ElementReference; readonly to: ElementReference }[];
  /** Whether the collector serves exporters' gRPC by itself. */
  readonly servesGrpc: boolean;
  /** Why the profile may not be what the collector expects, in a sentence. */
  readonly warning?: string;
}

/**
 * Applies one profile file to the profile it extends.
 *
 * @param directory the directory of the file, which its paths start from
 * @returns undefined, with mistakes, where the file is incomplete
 */
export function draftProfile(
  file: ProfileFile,
  document: YamlDocument,
  directory: string,
  inherited: ProfileDraft | undefined,
  mistakes: Mistake[],
): ProfileDraft | undefined {
  const before = mistakes.length;
  const writer = new Writer(document, mistakes);
  const registry = file.registry === undefined ? inherited?.registry : writer.reference(file.registry, ["registry"]);
  if (registry === undefined) writer.mistake(["registry"], "missing (go-ipfix/vX.Y.Z, iana, or a CSV file)");
  if (file.dialect === undefined && inherited === undefined) {
    writer.mistake(
      ["dialect"],
      "missing (rfc7011, go-ipfix, go-ipfix-legacy, go-ipfix-stream-read, or a map of limits)",
    );
  }
  if (inherited === undefined) {
    for (const key of ["remove", "add"] as const) {
      if (file[key] !== undefined) writer.mistake([key], "only with extends (templates)", "key");
    }
  }
  const templates = writer.templates(file, inherited?.templates ?? []);
  if (registry === undefined || mistakes.length > before) return undefined;
  return {
    name: file.name ?? parse(document.file).name,
    dialect: chooseDialect(file.dialect, inherited?.dialect ?? RFC7011),
    registry,
    directory: file.registry === undefined ? inherited?.directory ?? directory : directory,
    acceptsUnknownElements: file.acceptsUnknownElements ?? inherited?.acceptsUnknownElements ?? false,
    templates,
    renames: file.renames?.map(({ from, to }, index) => ({
      from: writer.reference(from, ["renames", index, "from"]),
      to: writer.reference(to, ["renames", index, "to"]),
    })) ?? inherited?.renames ?? [],
    servesGrpc: file.servesGrpc ?? inherited?.servesGrpc ?? false,
    ...(inherited?.warning === undefined ? {} : { warning: inherited.warning }),
  };
}

interface Change {
  readonly remove?: readonly string[] | undefined;
  readonly add?: Additions | undefined;
}

class Writer {
  constructor(readonly document: YamlDocument, readonly mistakes: Mistake[]) {}

  mistake(path: Path, message: string, at: "value" | "key" = "value"): void {
    this.mistakes.push(this.document.mistake(path, message, at));
  }

  reference(choice: ElementChoice, path: Path): ElementReference {
    const mistake = (message: string) => this.document.mistake(path, message);
    if (typeof choice === "string") return { text: choice, mistake };
    const { element, unusualLength, length = unusualLength, enterpriseBit } = choice;
    return {
      text: element,
      mistake,
      ...(length === undefined ? {} : { length }),
      ...(unusualLength === undefined ? {} : { isUnusual: true }),
      ...(enterpriseBit === undefined ? {} : { enterpriseBit }),
    };
  }

  references(choices: readonly ElementChoice[], path: Path): ElementReference[] {
    return choices.map((choice, index) => this.reference(choice, [...path, index]));
  }

  templates(file: ProfileFile, inherited: readonly TemplateDraft[]): TemplateDraft[] {
    const changed = inherited.map((template) => this.#change(template, file, []));
    for (const [index, own] of (file.templates ?? []).entries()) {
      const path = ["templates", index];
      if (file.templates?.findIndex(({ name }) => name === own.name) !== index) {
        this.mistake([...path, "name"], `${JSON.stringify(own.name)} appears twice (each template once)`);
        continue;
      }
      const standing = changed.findIndex(({ name }) => name === own.name);
      const template = this.#template(own, path, changed[standing]);
      if (template === undefined) continue;
      if (standing >= 0) changed[standing] = template;
      else changed.push(template);
    }
    return changed;
  }

  #template(own: TemplateFile, path: Path, standing: TemplateDraft | undefined): TemplateDraft | undefined {
    const scope = own.scope ?? standing?.scope ?? 0;
    const selectedBy = this.#elements(own.selectedBy, [...path, "selectedBy"]) ?? standing?.selectedBy ??
      (scope > 0 ? [] : undefined);
    const not = this.#elements(own.not, [...path, "not"]) ?? standing?.not ?? [];
    const fields = own.fields === undefined ? standing?.fields : this.references(own.fields, [...path, "fields"]);
    if (selectedBy === undefined) this.mistake([...path, "selectedBy"], "missing (an element's name)");
    if (fields === undefined) this.mistake([...path, "fields"], "missing (a list of elements)");
    if (scope > 0 && (own.selectedBy !== undefined || own.not !== undefined)) {
      const message = "not with scope (an options template follows the list that it equals, and no other)";
      this.mistake([...path, own.selectedBy === undefined ? "not" : "selectedBy"], message, "key");
    }
    if (fields !== undefined && scope > fields.length) {
      this.mistake([...path, "scope"], `${scope} is not allowed (a whole number, 1 to the ${fields.length} fields)`);
    }
    if (selectedBy === undefined || fields === undefined) return undefined;
    const mistake = (message: string) => this.document.mistake([...path, "name"], message);
    return this.#change({ name: own.name, mistake, selectedBy, not, scope, fields }, own, path);
  }

  #elements(choice: TemplateFile["selectedBy"], path: Path): ElementReference[] | undefined {
    if (choice === undefined) return undefined;
    return typeof choice === "string" ? [this.reference(choice, path)] : this.references(choice, path);
  }

  #change(template: TemplateDraft, change: Change, path: Path): TemplateDraft {
    let fields = [...template.fields];
    const find = (name: string, at: Path) => {
      const index = fields.findIndex(({ text }) => text === name);
      if (index < 0) {
        const names = fields.map(({ text }) => text);
        this.mistake(
          at,
          `${JSON.stringify(name)} is not in template ${template.name}${didYouMean(name, names)} (a field of it)`,
        );
      }
      return index;
    };
    for (const [index, name] of (change.remove ?? []).entries()) {
      if (find(name, [...path, "remove", index]) >= 0) fields = fields.filter(({ text }) => text !== name);
    }
    for (const [index, addition] of (change.add ?? []).entries()) {
      const at = [...path, "add", index];
      const [place, key] = addition.after === undefined ? [addition.before, "before"] : [addition.after, "after"];
      if (place === undefined || (addition.after !== undefined && addition.before !== undefined)) {
        this.mistake(at, "the position is not clear (one of after, before)");
        continue;
      }
      const found = find(place, [...at, key]);
      const start = key === "after" ? found + 1 : found;
      if (found >= 0) fields.splice(start, 0, ...this.references(addition.fields, [...at, "fields"]));
    }
    return { ...template, fields };
  }
}
