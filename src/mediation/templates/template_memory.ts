import type { Template } from "../../ipfix/record/template.ts";
import { StoredTemplate } from "./stored_template.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";
import { countersLength } from "../program/rewrite_program.ts";
import type { AcceptedTemplate, TemplateEntry } from "./template_entry.ts";

/*
 * What template state takes, in octets, as measured on V8 with garbage collected: a template of 1000 fields takes 198
 * a field if the collector gets it as it is, 323 if no registry knows the elements; one of 12 fields that is padded to
 * 41 takes 17.7 KB, one of 2 fields 1.6 KB.
 */
const MAPPING_OCTETS = 1_100;
const FIELD_OCTETS = 200;
const UNKNOWN_ELEMENT_OCTETS = 130;
/** A target field whose value does not come from the record. */
const ADDED_FIELD_OCTETS = 400;
/** A session's own part of a template, with its route and the means to undo a change. */
const ENTRY_OCTETS = 512;
/** A name under which a session counts, in up to three maps. */
const COUNTED_NAME_OCTETS = 150;
const DOMAIN_OCTETS = 700;
/** Blocks of the rewrite loop's memory come in powers of two. */
const BLOCK_ROUNDING = 2;

/** Part of the limit that sessions which are being ended may still hold; past it no more are ended. */
const ENDING_PART = 4;

/** Part of the limit that one session may take. */
const SESSION_PART = 4;
/** Largest share of the largest owner's memory that a newcomer may use and still displace it. */
const SMALL_PART = 8;

/** How a session makes room for others. */
export interface RoomMaker {
  /** Identifies the exporter's owner: sessions of one owner count together. */
  readonly owner: string;
  /** Ends the session, soon. @param limit the key in `limits` of the memory that is used up */
  end(limit: "templateMemory" | "memory"): void;
}

/** What the sessions of one owner have. */
interface OwnersShare {
  used: number;
  largest: TemplateShare;
}

/** A mapping that some sessions share. */
interface SharedPart {
  readonly octets: number;
  uses: number;
  /** The session that it counts for: the first that took it, if that still has it. */
  payer: TemplateShare | undefined;
}

/**
 * The memory that the templates of all sessions take, in octets, and its limit. A mapping that several sessions share
 * counts once.
 *
 * A session may take a quarter of the limit, as long as that much is free. When the limit is reached, the largest owner
 * makes room for owners that have and need much less: its largest session is ended. If all have about as much, none
 * makes room: the limit is too low.
 */
export class TemplateMemory {
  limit: number;
  /** Octets of all sessions. */
  used = 0;
  /** Octets of those that are being ended. */
  #ending = 0;
  readonly #shares = new Set<TemplateShare>();
  readonly #mappings = new WeakMap<TemplateMapping, SharedPart>();

  constructor(limit: number) {
    this.limit = limit;
  }

  share(maker: RoomMaker | undefined): TemplateShare {
    return new TemplateShare(this, maker);
  }

  /**
   * Whether there is room for this many octets of a session. Ends other sessions if that makes room.
   *
   * @internal
   */
  makeRoom(octets: number, newcomer: TemplateShare): boolean {
    // What it had sent before it was ended is still read, and would take as much again.
    if (newcomer.ended || newcomer.used + octets > this.limit / SESSION_PART) return false;
    while (this.used - this.#ending + octets > this.limit) {
      const leaving = this.#largest(newcomer, octets);
      if (leaving === undefined || this.#ending + leaving.used > this.limit / ENDING_PART) return false;
      this.#ending += leaving.used;
      leaving.end("templateMemory");
    }
    return true;
  }

  /**
   * Ends the largest session of the largest owner, because the process takes too much memory.
   *
   * @param least octets that it must have
   * @returns the octets that become free; 0: there is none such
   */
  relieve(least: number): number {
    const leaving = this.#largestOwner(this.#owners())?.largest;
    if (leaving === undefined || leaving.used < least || !leaving.mayEnd) return 0;
    this.#ending += leaving.used;
    leaving.end("memory");
    return leaving.used;
  }

  /** The largest session of the largest owner, if the newcomer would have much less than that owner. */
  #largest(newcomer: TemplateShare, octets: number): TemplateShare | undefined {
    const owners = this.#owners();
    const most = this.#largestOwner(owners);
    if (most === undefined) return undefined;
    const own = owners.get(newcomer.owner)?.used ?? 0;
    const isSmall = most.largest.owner === newcomer.owner
      ? newcomer.used + octets <= most.largest.used / SMALL_PART
      : own + octets <= most.used / SMALL_PART;
    return isSmall && most.largest.mayEnd ? most.largest : undefined;
  }

  /** Owners of sessions that are not being ended. */
  #owners(): Map<string, OwnersShare> {
    const owners = new Map<string, OwnersShare>();
    for (const share of this.#shares) {
      const known = owners.get(share.owner);
      if (share.ended) continue;
      if (known === undefined) owners.set(share.owner, { used: share.used, largest: share });
      else {
        known.used += share.used;
        if (share.used > known.largest.used) known.largest = share;
      }
    }
    return owners;
  }

  #largestOwner(owners: Map<string, OwnersShare>): OwnersShare | undefined {
    let most: OwnersShare | undefined;
    for (const one of owners.values()) if (one.used > (most?.used ?? 0)) most = one;
    return most;
  }

  /** @internal Counts octets of a session. */
  hold(share: TemplateShare, octets: number): void {
    this.used += octets;
    if (share.ended) this.#ending += octets;
    if (share.used > 0) this.#shares.add(share);
    else this.#shares.delete(share);
  }

  /** @internal The part of an entry that other sessions share, if any has it. */
  sharedPart(entry: TemplateEntry): SharedPart | undefined {
    return entry.kind === "refused" ? undefined : this.#mappings.get(entry.shared.mapping);
  }

  /** @internal Begins one use of the part that sessions share. */
  takeShared(entry: TemplateEntry, share: TemplateShare): void {
    if (entry.kind === "refused") return;
    const known = this.sharedPart(entry);
    if (known !== undefined) return void known.uses++;
    const octets = mappingOctets(entry);
    this.#mappings.set(entry.shared.mapping, { octets, uses: 1, payer: share });
    share.hold(octets);
  }

  /** @internal Ends one use of the part that sessions share. */
  releaseShared(entry: TemplateEntry, share: TemplateShare): void {
    const part = this.sharedPart(entry);
    if (part === undefined || entry.kind === "refused") return;
    part.uses--;
    if (part.uses === 0) {
      this.#mappings.delete(entry.shared.mapping);
      if (part.payer === undefined) this.used -= part.octets;
      else part.payer.hold(-part.octets);
    } else if (part.payer === share) {
      // The session may have it twice, in two domains; then it counts for nobody, which does no harm.
      share.hold(-part.octets);
      this.used += part.octets;
      part.payer = undefined;
    }
  }
}

/** One session's part of the {@link TemplateMemory}. */
export class TemplateShare {
  /** Octets that count for this session. */
  used = 0;
  /** Whether it makes room for others. */
  ended = false;
  readonly #memory: TemplateMemory;
  readonly #maker: RoomMaker | undefined;
  /** Octets of its counters by name. */
  #names = 0;

  constructor(memory: TemplateMemory, maker: RoomMaker | undefined) {
    this.#memory = memory;
    this.#maker = maker;
  }

  get owner(): string {
    return this.#maker?.owner ?? "";
  }

  get mayEnd(): boolean {
    return this.#maker !== undefined;
  }

  end(limit: "templateMemory" | "memory"): void {
    this.ended = true;
    this.#maker?.end(limit);
  }

  /**
   * Whether there is room for a template that no other session has.
   *
   * @param unknown fields whose element no registry knows
   */
  fitsTemplate(fields: number, unknown: number): boolean {
    return this.#memory.makeRoom(ENTRY_OCTETS + layoutOctets(fields, unknown), this);
  }

  /** Whether there is room for this entry. One that another session already has costs almost nothing. */
  fits(entry: TemplateEntry, isNewDomain: boolean): boolean {
    const isShared = entry.kind === "refused" || this.#memory.sharedPart(entry) !== undefined;
    const octets = ownOctets(entry) + (isShared ? 0 : mappingOctets(entry)) + (isNewDomain ? DOMAIN_OCTETS : 0);
    return this.#memory.makeRoom(octets, this);
  }

  take(entry: TemplateEntry): void {
    this.hold(ownOctets(entry));
    this.#memory.takeShared(entry, this);
  }

  release(entry: TemplateEntry): void {
    this.hold(-ownOctets(entry));
    this.#memory.releaseShared(entry, this);
  }

  /** The session has gained or lost an observation domain. */
  holdDomain(change: 1 | -1): void {
    this.hold(change * DOMAIN_OCTETS);
  }

  /** The session counts under this many names, until it ends. */
  countNames(names: number): void {
    const octets = names * COUNTED_NAME_OCTETS;
    if (octets === this.#names) return;
    this.hold(octets - this.#names);
    this.#names = octets;
  }

  /** @internal Counts octets for this session. */
  hold(octets: number): void {
    this.used += octets;
    this.#memory.hold(this, octets);
  }
}

/** Octets of the part of an entry that is the session's own. */
function ownOctets(entry: TemplateEntry): number {
  if (entry.kind === "refused") return ENTRY_OCTETS + templateOctets(entry.source);
  const { program } = entry.shared.compiled;
  return ENTRY_OCTETS + BLOCK_ROUNDING * countersLength(program) + COUNTED_NAME_OCTETS * program.counted.length;
}

function templateOctets(template: Template): number {
  if (template instanceof StoredTemplate) return MAPPING_OCTETS + template.octets;
  let unknown = 0;
  for (const { element } of template.fields) if (!element.known) unknown++;
  return layoutOctets(template.fields.length, unknown);
}

function layoutOctets(fields: number, unknown: number): number {
  return MAPPING_OCTETS + fields * FIELD_OCTETS + unknown * UNKNOWN_ELEMENT_OCTETS;
}

/** Octets of the part that sessions share. */
function mappingOctets({ shared: { mapping, compiled } }: AcceptedTemplate): number {
  let added = 0;
  for (const { value } of mapping.fields) if (value.from !== "record") added++;
  return templateOctets(mapping.source) + added * ADDED_FIELD_OCTETS +
    (1 + BLOCK_ROUNDING) * compiled.program.octets.length;
}
