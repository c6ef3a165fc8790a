import { PortSequences } from "../../program/loop/port_sequences.ts";
import type { Routes } from "../../program/loop/routes.ts";
import { openSequence } from "../../program/loop/sequence.ts";
import type { AcceptedTemplate, ObservationDomain, TemplateEntry } from "../../templates/template_entry.ts";
import type { SessionFacts } from "../session_rewriter.ts";

/**
 * The observation domains of one session (RFC 7011 §2), each with its templates and sequence numbers. The rewrite loop's
 * routes follow the templates.
 */
export class ObservationDomains {
  /**
   * Templates whose data does not go out as it comes. Kept up to date, because thousands of sessions are asked for it.
   */
  changed = 0;
  readonly #byId = new Map<number, ObservationDomain>();
  readonly #routes: Routes;
  readonly #facts: Pick<SessionFacts, "reliable" | "portOf">;

  constructor(routes: Routes, facts: Pick<SessionFacts, "reliable" | "portOf">) {
    this.#routes = routes;
    this.#facts = facts;
  }

  get byId(): ReadonlyMap<number, ObservationDomain> {
    return this.#byId;
  }

  /** Adds one without templates; undefined when the loop's memory is used up. */
  open(id: number): ObservationDomain | undefined {
    const { reliable, portOf } = this.#facts;
    const sequence = openSequence(!reliable);
    if (sequence === undefined) return undefined;
    const domain: ObservationDomain = {
      id,
      sequence,
      ports: portOf === undefined ? undefined : new PortSequences(sequence),
      templates: new Map(),
      moved: undefined,
      exportTime: 0,
    };
    this.#byId.set(id, domain);
    return domain;
  }

  /** Removes one whose templates are gone. */
  close(domain: ObservationDomain): void {
    this.#byId.delete(domain.id);
    domain.ports?.close();
    domain.sequence.close();
  }

  /** Removes all, whatever templates they have. The routes are left as they are, as the session ends. */
  clear(): void {
    for (const domain of this.#byId.values()) this.close(domain);
    this.changed = 0;
  }

  /** Puts a template in force, in place of the one that has its id. */
  put(domain: ObservationDomain, template: number, entry: TemplateEntry): void {
    this.#count(domain, domain.templates.get(template), -1);
    this.#count(domain, entry, 1);
    domain.templates.set(template, entry);
    // Records that refer to templates are mapped one at a time in TypeScript.
    if (entry.kind === "accepted" && !entry.shared.references) {
      this.#routes.set({
        observationDomain: domain.id,
        template,
        program: entry.shared.compiled.address,
        counters: entry.counters,
        targetTemplate: entry.shared.targetId,
        sequence: domain.sequence.address,
      });
    } else this.#routes.delete(domain.id, template);
  }

  remove(domain: ObservationDomain, template: number): void {
    this.#count(domain, domain.templates.get(template), -1);
    domain.templates.delete(template);
    this.#routes.delete(domain.id, template);
  }

  /** Counts one template more or less. */
  #count(domain: ObservationDomain, entry: TemplateEntry | undefined, change: 1 | -1): void {
    if (entry === undefined) return;
    if (entry.kind === "refused" || !entry.shared.identity) this.changed += change;
    if (entry.kind === "accepted" && entry.shared.targetId !== entry.source.id) countMoved(domain, entry, change);
  }
}

/** Counts one accepted template more or less whose target id differs from its own id. */
function countMoved(domain: ObservationDomain, { shared: { targetId } }: AcceptedTemplate, change: 1 | -1): void {
  const moved = domain.moved ??= new Map();
  const count = (moved.get(targetId) ?? 0) + change;
  if (count === 0) moved.delete(targetId);
  else moved.set(targetId, count);
}

/** Whether any template of a domain has this target id. */
export function isTargetId({ templates, moved }: ObservationDomain, targetId: number): boolean {
  const own = templates.get(targetId);
  return (own?.kind === "accepted" && own.shared.targetId === targetId) || moved?.has(targetId) === true;
}
