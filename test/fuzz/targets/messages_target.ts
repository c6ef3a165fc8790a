import { Exporter } from "../input/exporter.ts";
import type { Random } from "../input/random.ts";
import { drawStreamCase, octetsOfStream, runStreamCase, simplerStreams, type StreamCase } from "../stream_case.ts";
import type { Target } from "./target.ts";

/** Messages that lie: lengths, counts, set ids, nested lists, options, variable lengths, padding. */
export const messagesTarget: Target<StreamCase> = {
  name: "messages",
  share: 4,
  draw: (random) => drawStreamCase(random, drawMessages(random)),
  octetsOf: octetsOfStream,
  run: runStreamCase,
  simpler: simplerStreams,
};

function drawMessages(random: Random): Uint8Array[] {
  const exporter = new Exporter(random, {
    lies: random.pick([0, 0, 20, 200, 1000]),
    longest: random.pick([300, 1400, 9000, 65_535]),
  });
  const messages = [
    ...random.list(random.between(1, 3), () => exporter.announce()),
    ...random.list(random.between(1, 12), () => exporter.next()),
  ];
  // Datagrams overtake one another.
  if (random.oneIn(4)) {
    messages.splice(random.below(messages.length), 0, ...messages.splice(random.below(messages.length), 1));
  }
  return messages;
}
