import { MappingMemo } from "../mapping/mapping_memo.ts";
import { allocate, memoryOctets, memoryWords, release } from "./loop/memory.ts";
import { releaseWalkFunction, takeWalkFunction } from "./loop/walk_function.ts";
import { compileMapping, ProgramWord, type RewriteProgram } from "./rewrite_program.ts";
import type { SessionFactValues } from "../mapping/session_fact.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** A mapping with its program in the rewrite loop's memory. */
export interface CompiledMapping {
  readonly mapping: TemplateMapping;
  readonly program: RewriteProgram;
  /** Address of the program in the loop's memory. */
  readonly address: number;
  /** Under which it is shared. */
  readonly key: string;
}

/** After so many messages a mapping is taken to be one that many more will come of. */
const MESSAGES_BEFORE_WALK_FUNCTION = 1024;

/**
 * Compiled mappings, shared by all sessions that need the same one: thousands of Agents of a release have two layouts between them.
 */
export class CompiledMappings {
  /** What they are compiled from. */
  readonly memo: MappingMemo = new MappingMemo();
  readonly #compiled = new Map<string, CompiledMapping & { uses: number }>();
  readonly #byAddress = new Map<number, CompiledMapping>();

  readonly #messagesBeforeWalkFunction: number;

  /** @param messagesBeforeWalkFunction messages that make a mapping worth a function that walks its records; 0: it gets one at once */
  constructor(messagesBeforeWalkFunction: number = MESSAGES_BEFORE_WALK_FUNCTION) {
    this.#messagesBeforeWalkFunction = messagesBeforeWalkFunction;
  }

  /** The mapping that is shared under this key, where its source template has this id. */
  mapping(key: string, template: number): TemplateMapping | undefined {
    const mapping = this.#compiled.get(key)?.mapping;
    return mapping?.source.id === template ? mapping : undefined;
  }

  /**
   * @param key equal keys, equal mappings
   * @returns undefined when the loop's memory is used up
   * @throws RangeError where the mapping cannot be compiled
   */
  take(
    key: string,
    mapping: TemplateMapping,
    facts: SessionFactValues,
    keepPadding: boolean,
    keepValues = false,
  ): CompiledMapping | undefined {
    const found = this.#compiled.get(key);
    if (found !== undefined) {
      found.uses++;
      return found;
    }
    const program = compileMapping(mapping, facts, keepPadding, keepValues);
    const address = allocate(program.octets.length);
    if (address === 0) return undefined;
    memoryOctets.set(program.octets, address);
    memoryWords[(address >>> 2) + ProgramWord.messagesBeforeFunction] = this.#messagesBeforeWalkFunction;
    const compiled = { mapping, program, address, uses: 1, key };
    this.#compiled.set(key, compiled);
    this.#byAddress.set(address, compiled);
    if (this.#messagesBeforeWalkFunction === 0) this.compileWalkFunction(address);
    return compiled;
  }

  /** Gives the program at this address, which so many messages need, a function that walks its records. Asked once: it never is again. */
  compileWalkFunction(address: number): void {
    const compiled = this.#byAddress.get(address);
    if (compiled === undefined) return;
    memoryWords[(address >>> 2) + ProgramWord.walkFunction] = takeWalkFunction(compiled.program.layout);
    memoryWords[(address >>> 2) + ProgramWord.messagesBeforeFunction] = 0;
  }

  /** Gives back one use of {@link take}; the last one frees the program. */
  release(key: string): void {
    const found = this.#compiled.get(key);
    if (found === undefined) return;
    found.uses--;
    if (found.uses > 0) return;
    this.#compiled.delete(key);
    this.#byAddress.delete(found.address);
    if (memoryWords[(found.address >>> 2) + ProgramWord.walkFunction] !== 0) releaseWalkFunction(found.program.layout);
    release(found.address, found.program.octets.length);
  }
}
