/** Exit statuses of every command: part of the outside contract. */
export const EXIT = {
  /** It did what was asked. */
  DONE: 0,
  /** It failed while running. */
  FAILED: 1,
  /** Wrong usage or configuration: nothing was bound or written. */
  USAGE: 2,
} as const;

/** Why a command ends with another status than 0. The message is for a person and goes to standard error as it is. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";

  constructor(readonly exitStatus: number, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Wrong usage or configuration: exit status 2. */
export function usageFailure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(EXIT.USAGE, message, { cause });
}

/** It failed while running: exit status 1. */
export function runFailure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(EXIT.FAILED, message, { cause });
}
