import { join, number } from "../../support/messages/wire.ts";
import type { Random } from "../input/random.ts";
import { drawStreamCase, octetsOfStream, runStreamCase, simplerStreams, type StreamCase } from "../stream_case.ts";
import type { Target } from "./target.ts";

/** Numbers that mean something somewhere in a message. */
const MEANINGFUL = [0, 1, 2, 3, 4, 8, 10, 16, 20, 24, 145, 173, 255];

/** Raw octets: anything, some behind a message header that is right. */
export const octetsTarget: Target<StreamCase> = {
  name: "octets",
  share: 2,
  draw: (random) => drawStreamCase(random, random.list(random.between(1, 5), () => drawOctets(random))),
  octetsOf: octetsOfStream,
  run: runStreamCase,
  simpler: simplerStreams,
};

function drawOctets(random: Random): Uint8Array {
  const length = random.oneIn(10) ? random.below(65_520) : random.below(200);
  const octets = random.octets(length);
  const meaningful = random.oneIn(3) ? 0 : random.pick([2, 3, 5]);
  for (let index = 0; index < length && meaningful > 0; index++) {
    if (random.oneIn(meaningful)) octets[index] = random.pick(MEANINGFUL);
  }
  if (random.oneIn(4)) return octets;
  return join(number(10, 2), number(16 + length, 2), random.octets(8), number(random.below(2), 4), octets);
}
