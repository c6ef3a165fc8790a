import { MappingMemo } from "../mapping/mapping_memo.ts";
import { allocate, memoryOctets, memoryWords, release } from "./loop/memory.ts";
import { releaseWalkFunction, takeWalkFunction } from "./loop/walk_function.ts";
import { ProgramWord, type RewriteProgram } from "./rewrite_program.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** A mapping with its program in the rewrite loop's memory. */
export interface CompiledMapping {
  readonly mapping: TemplateMapping;
  readonly program: RewriteProgram;
  /** Address of the program in the loop's memory. */
  readonly address: number;
  /** The key under which sessions share it. */
  readonly key: string;
}

/** Messages after which a mapping has proved frequent enough to be worth generating a function for. */
const MESSAGES_BEFORE_WALK_FUNCTION = 1024;

/**
 * Compiled mappings. Sessions that need the same one share it: the thousands of Agents of one release have two layouts
 * between them.
 */
export class CompiledMappings {
  /** The mappings that plugin chains returned. */
  readonly memo: MappingMemo = new MappingMemo();
  readonly #compiled = new Map<string, CompiledMapping & { uses: number }>();
  readonly #byAddress = new Map<number, CompiledMapping>();

  readonly #messagesBeforeWalkFunction: number;

  /**
   * @param messagesBeforeWalkFunction messages after which a mapping gets a generated function that walks its records;
   *   0: at once, Infinity: never
   */
  constructor(messagesBeforeWalkFunction: number = MESSAGES_BEFORE_WALK_FUNCTION) {
    this.#messagesBeforeWalkFunction = messagesBeforeWalkFunction;
  }

  /** Whether a mapping is shared under this key. */
  has(key: string): boolean {
    return this.#compiled.has(key);
  }

  /** The mapping shared under this key, if its source template has this id. */
  mapping(key: string, template: number): TemplateMapping | undefined {
    const mapping = this.#compiled.get(key)?.mapping;
    return mapping?.source.id === template ? mapping : undefined;
  }

  /**
   * Takes one use of the mapping shared under this key, and shares it if it is the first; {@link release} ends the use.
   *
   * @param key equal for equal mappings only
   * @param program the mapping compiled; undefined if it is shared already
   * @returns undefined when the loop's memory is used up
   */
  take(key: string, mapping: TemplateMapping, program: RewriteProgram | undefined): CompiledMapping | undefined {
    const found = this.#compiled.get(key);
    if (found !== undefined) {
      found.uses++;
      return found;
    }
    if (program === undefined) throw new Error("a mapping that is not shared has to be compiled");
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

  /** Generates a function that walks the records of the program at this address. The loop does not ask for it again. */
  compileWalkFunction(address: number): void {
    const compiled = this.#byAddress.get(address);
    if (compiled === undefined) return;
    memoryWords[(address >>> 2) + ProgramWord.walkFunction] = takeWalkFunction(compiled.program.layout);
    memoryWords[(address >>> 2) + ProgramWord.messagesBeforeFunction] = 0;
  }

  /** Ends one use that {@link take} began; the last one frees the program. */
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
