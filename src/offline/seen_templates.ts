import type { SeenTemplate } from "../config/profiles/learnt_profile.ts";
import { registryHistory } from "../config/profiles/registries.ts";
import type { Template } from "../ipfix/record/template.ts";
import { elementKey } from "../ipfix/registry/information_element.ts";
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
 * Collects the templates of a stream, in the order in which they were first seen: every layout that an id of an
 * observation domain ever had, since the collector took them all.
 */
export class SeenTemplates implements MessageConsumer {
  readonly #inspector = new Inspector(registryHistory().resolve);
  readonly #layouts = new Set<string>();
  readonly #templates: SeenTemplate[] = [];
  #fields = 0;
  /** Octets of whole messages taken so far. */
  taken = 0;

  get templates(): readonly SeenTemplate[] {
    return this.#templates;
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
    const { id, fields, scopeFieldCount } = template;
    const layout = fields.map(({ element, length }) => `${elementKey(element)}:${length}`).join();
    const key = `${observationDomain}/${id}/${scopeFieldCount}/${layout}`;
    if (this.#layouts.has(key)) return;
    this.#layouts.add(key);
    this.#templates.push({ observationDomain, template });
    this.#fields += fields.length;
    if (this.#templates.length > MOST_TEMPLATES || this.#fields > MOST_FIELDS) throw new TooManyTemplates();
  }
}
