import { BrokenMessage, consumeStream, type MessageConsumer } from "../../offline/message_stream.ts";
import { say } from "../../terminal/terminal.ts";
import { runFailure } from "./command_failure.ts";

/**
 * Reads standard input to its end and passes it to the consumer.
 *
 * @param keepGoing whether to go on behind a broken message whose length leads to another one
 * @throws CommandFailure with exit status 1 where a message is broken, passed over or not
 */
export async function consumeInput(consumer: MessageConsumer, keepGoing: boolean): Promise<void> {
  let passedOver = 0;
  const passOver = ({ message }: BrokenMessage) => {
    passedOver++;
    say(`passed over: ${message}`);
  };
  try {
    await consumeStream((into) => Deno.stdin.read(into), consumer, keepGoing ? passOver : undefined);
  } catch (error) {
    throw error instanceof BrokenMessage ? runFailure(`error: ${error.message}`, error) : error;
  }
  if (passedOver === 0) return;
  throw runFailure(`error: ${passedOver} broken ${passedOver === 1 ? "message was" : "messages were"} passed over`);
}
