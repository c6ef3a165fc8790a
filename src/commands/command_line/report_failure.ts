import { errorMessage } from "../../error_message.ts";
import { OutputClosed, OutputFailure, painter, say } from "../../terminal/terminal.ts";
import { CommandFailure, EXIT } from "./command_failure.ts";
import { InputFailure } from "./consume_input.ts";

/**
 * Says on standard error why a command failed, and returns its exit status. An error that nobody foresaw has its stack.
 */
export function reportFailure(error: unknown): number {
  if (error instanceof OutputClosed) return EXIT.FAILED;
  if (error instanceof CommandFailure) {
    if (error.message !== "") say(error.message);
    return error.exitStatus;
  }
  const paint = painter(Deno.stderr.isTerminal() && !Deno.noColor);
  say(`${paint("red", "error:")} ${errorMessage(error)}`);
  const isForeseen = error instanceof OutputFailure || error instanceof InputFailure;
  if (!isForeseen && error instanceof Error && error.stack !== undefined) say(paint("dim", error.stack));
  return EXIT.FAILED;
}

/** Runs a program of its own, such as the bundler, to its end. Returns its exit status, and never throws. */
export async function exitStatusOf(action: () => Promise<void>): Promise<number> {
  try {
    await action();
    return EXIT.DONE;
  } catch (error) {
    return reportFailure(error);
  }
}
