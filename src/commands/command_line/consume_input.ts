import { BrokenMessage, consumeStream, type MessageConsumer } from "../../offline/message_stream.ts";
import { say } from "../../terminal/terminal.ts";
import { systemReason } from "../../error_message.ts";
import { runFailure } from "./command_failure.ts";

/** The input cannot be read: it is a directory, or its device fails. */
export class InputFailure extends Error {
  override readonly name = "InputFailure";
}

/** Returns a function that reads an input. @param name what errors call it */
export function reader(input: Pick<Deno.FsFile, "read">, name: string): (into: Uint8Array) => Promise<number | null> {
  return async (into) => {
    try {
      return await input.read(into);
    } catch (error) {
      throw new InputFailure(`cannot read ${name}: ${systemReason(error)}`, { cause: error });
    }
  };
}

/**
 * Reads standard input to its end and passes it to the consumer.
 *
 * @param keepGoing whether to go on behind a broken message whose length leads to another one
 * @throws CommandFailure with exit status 1 where a message is broken, passed over or not; InputFailure
 */
export async function consumeInput(consumer: MessageConsumer, keepGoing: boolean): Promise<void> {
  let passedOver = 0;
  const passOver = ({ message }: BrokenMessage) => {
    passedOver++;
    say(`passed over: ${message}`);
  };
  try {
    await consumeStream(reader(Deno.stdin, "standard input"), consumer, keepGoing ? passOver : undefined);
  } catch (error) {
    throw error instanceof BrokenMessage ? runFailure(`error: ${error.message}`, error) : error;
  }
  if (passedOver === 0) return;
  throw runFailure(`error: ${passedOver} broken ${passedOver === 1 ? "message was" : "messages were"} passed over`);
}
