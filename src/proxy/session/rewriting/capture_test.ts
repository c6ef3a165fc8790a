import assert from "node:assert/strict";
import { decodeMessageHeader } from "../../../ipfix/message/message_header.ts";
import { setsOfMessage } from "../../../ipfix/message/set.ts";
import { SessionCapture } from "./capture.ts";
import { dataMessage, join, templateMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { RelayingRewriter } from "../../../../test/support/proxy/relaying_rewriter.ts";

const MANY = { messages: 1000, octets: 1 << 20 };

function fixture() {
  const relay = new RelayingRewriter({ reliable: true });
  const capture = new SessionCapture(relay);
  const output = new Uint8Array(65535);
  const rewrite = (...messages: Uint8Array[]) => {
    const input = join(...messages);
    const octets = relay.rewrite(input, output);
    capture.take(input, relay.consumed, octets);
  };
  return { relay, capture, rewrite };
}

/** The messages of a file: what is in each. */
function described(file: Uint8Array): string[] {
  const messages: string[] = [];
  for (let start = 0; start < file.length;) {
    const { length, sequenceNumber } = decodeMessageHeader(file, start);
    const sets = setsOfMessage(file, start, start + length).map(({ id }) => id);
    messages.push(`${sets.join()} at ${sequenceNumber}`);
    start += length;
  }
  return messages;
}

Deno.test("both sides are captured, message for message, after the templates in force", async () => {
  const { relay, capture, rewrite } = fixture();
  rewrite(templateMessage(), dataMessage(0), dataMessage(1));
  relay.sourceTemplates = () => [templateMessage()];
  const captured = capture.begin({ ...MANY, messages: 2 }, new AbortController().signal);
  assert.equal(capture.begin(MANY, new AbortController().signal), undefined, "one at a time");
  rewrite(dataMessage(2));
  rewrite(dataMessage(3), dataMessage(4));
  const { received, sent, messages, end } = await captured ?? assert.fail();
  assert.deepEqual([messages, end], [2, "messages"]);
  assert.deepEqual(described(received), ["2 at 2", "256 at 2", "256 at 3"]);
  assert.deepEqual(described(sent), ["256 at 2", "256 at 3", "256 at 4"]);
  rewrite(dataMessage(5));
  assert.ok(capture.begin(MANY, new AbortController().signal) !== undefined, "the next can begin");
});

Deno.test("a capture ends with its octets, its time, or its session", async () => {
  const octets = fixture();
  const small = octets.capture.begin(
    { messages: 9, octets: 2 * dataMessage(0).length },
    new AbortController().signal,
  );
  octets.rewrite(dataMessage(0), dataMessage(1), dataMessage(2));
  assert.deepEqual(await small?.then(({ messages, end }) => [messages, end]), [2, "octets"]);

  const time = fixture();
  const controller = new AbortController();
  const stopped = time.capture.begin(MANY, controller.signal);
  time.rewrite(dataMessage(0));
  controller.abort();
  time.rewrite(dataMessage(1));
  assert.deepEqual(await stopped?.then(({ messages, end }) => [messages, end]), [1, "stopped"]);
  const late = await time.capture.begin(MANY, AbortSignal.abort());
  assert.deepEqual([late?.messages, late?.received.length], [0, 0]);

  const closing = fixture();
  const closed = closing.capture.begin(MANY, new AbortController().signal);
  closing.capture.close();
  assert.equal((await closed)?.end, "closed");
});
