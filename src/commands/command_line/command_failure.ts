/** The exit statuses that all commands share: part of the outside contract. */
export const EXIT = {
  /** The command did what was asked. */
  DONE: 0,
  /** The command failed while running. */
  FAILED: 1,
  /** Wrong usage or configuration: nothing was bound or written. */
  USAGE: 2,
} as const;

/** Ends a command with an exit status other than 0. The message goes to standard error as it is. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";

  constructor(readonly exitStatus: number, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A failure because of wrong usage or configuration: exit status 2. */
export function usageFailure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(EXIT.USAGE, message, { cause });
}

/** A failure while running: exit status 1. */
export function runFailure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(EXIT.FAILED, message, { cause });
}
