/**
 * Buffers in the loop's memory for calls of the rewrite loop. Calls are synchronous, so all sessions of a process share
 * them. They belong to the process because a mediator has no end at which it could release them.
 *
 * @module
 */
import { allocate } from "../program/loop/memory.ts";
import { SCRATCH_LENGTH } from "../program/loop/rewrite_loop.ts";

/** Octets of {@link stagedInput} and of {@link stagedOutput}. */
export const STAGE_LENGTH = 256 * 1024;

/** Address of the input of a caller whose buffer lies outside the loop's memory: one copy in. */
export const stagedInput = allocate(STAGE_LENGTH);

/** Address of the output for such a caller: one copy out. */
export const stagedOutput = allocate(STAGE_LENGTH);

/**
 * Address of twice {@link SCRATCH_LENGTH} octets: a record in the making, and the scratch of the loop that makes it.
 */
export const scratch = allocate(2 * SCRATCH_LENGTH);
