import type { SeenTemplate } from "../config/profiles/learnt_profile.ts";
import { registryHistory } from "../config/profiles/registries.ts";
import { sameLayout, type Template } from "../ipfix/template.ts";
import { Inspector } from "./inspection.ts";
import type { MessageConsumer } from "./message_stream.ts";

/** Limits on the templates, and on all their fields together, that a profile is learnt from. */
const MOST_TEMPLATES = 1000;
const MOST_FIELDS = 65_536;

/** The capture has more templates than a profile can reasonably hold. */
export class TooManyTemplates extends Error {
  override readonly name = "TooManyTemplates";

  constructor() {
    super(`more than ${MOST_TEMPLATES} templates, or ${MOST_FIELDS} fields in them`);
  }
}

/**
 * Collects the templates of a stream, in the order in which they were first seen.
 *
 * A withdrawn template stays, because the collector accepted it. A template that is redefined under its id with another layout
 * replaces the earlier one, unless only one of the two describes IPv4 or IPv6 flows: then ids may have been reassigned, as after a
 * restart of the exporter.
 */
export class SeenTemplates implements MessageConsumer {
  readonly #inspector = new Inspector(registryHistory().resolve);
  readonly #templates = new Map<string, SeenTemplate>();
  readonly #replaced = new Set<string>();
  #fields = 0;
  /** Octets of whole messages taken so far. */
  taken = 0;

  get templates(): readonly SeenTemplate[] {
    return [...this.#templates.values()];
  }

  /** One sentence per template whose earlier layout was replaced. */
  get notes(): readonly string[] {
    return [...this.#replaced];
  }

  /** @throws TooManyTemplates */
  take(octets: Uint8Array): Promise<number | undefined> {
    const message = this.#inspector.next(octets);
    for (const inspected of message?.content ?? []) {
      if (inspected.kind === "template") this.#see(inspected.observationDomain, inspected.template);
    }
    this.taken += message?.length ?? 0;
    return Promise.resolve(message?.length);
  }

  #see(observationDomain: number, template: Template): void {
    const key = `${observationDomain}/${template.id}/${kindOf(template)}`;
    const standing = this.#templates.get(key)?.template;
    if (standing !== undefined && sameLayout(standing, template)) return;
    this.#fields += template.fields.length - (standing?.fields.length ?? 0);
    this.#templates.set(key, { observationDomain, template });
    if (this.#templates.size > MOST_TEMPLATES || this.#fields > MOST_FIELDS) throw new TooManyTemplates();
    if (standing === undefined) return;
    this.#replaced.add(
      `Template ${template.id} of observation domain ${observationDomain} was defined anew: the layout before is left out.`,
    );
  }
}

/** The kind of flows that a template describes: one of another kind is a different template, whatever its id. */
function kindOf({ fields, scopeFieldCount }: Template): string {
  const has = (id: number) =>
    fields.some(({ element }) => element.pen === 0 && !element.enterpriseBit && element.id === id);
  return `${scopeFieldCount > 0 ? "options" : ""} ${has(8) ? "IPv4" : ""} ${has(27) ? "IPv6" : ""}`;
}
