import type { Context, MiddlewareHandler } from "hono";
import { problem } from "./guard.ts";
import { OneByOne } from "./one_by_one.ts";
import type { UnreadOctets } from "./unread_octets.ts";

const TOO_MUCH = "too many long answers are unread: try again in a while";
/** An answer up to this length is handed over whole. */
const SMALL = 64 * 1024;

/**
 * Bounds the memory of answers that are made whole and read slowly: a long one is handed over in pieces, as the client
 * takes them. They are made one after the other, and while too much is unread, none is: that is a 503. An answer counts
 * as unread until its body is read to the end or cancelled, as `answerWith` of `http/answer.ts` does to each.
 */
export function unreadAnswers(unread: UnreadOctets): MiddlewareHandler {
  /** Several at once would take several times the memory. */
  const answers = new OneByOne();
  return (context, next) =>
    answers.run(async () => {
      if (!unread.hasRoom) return context.json(problem(TOO_MUCH), 503);
      await next();
      await handOver(context);
      return undefined;
    });

  async function handOver(context: Context): Promise<void> {
    if (context.res.body === null) return;
    const { status, headers } = context.res;
    const octets = new Uint8Array(await context.res.arrayBuffer());
    if (octets.length <= SMALL) {
      context.res = new Response(octets, { status, headers });
      return;
    }
    if (!unread.fits(octets.length)) {
      context.res = undefined;
      context.res = context.json(problem(TOO_MUCH), 503);
      return;
    }
    unread.add(octets.length);
    context.res = new Response(inPieces(octets, () => unread.free(octets.length)), { status, headers });
  }
}

/** @param onEnd called once, when the octets are no longer kept */
function inPieces(octets: Uint8Array, onEnd: () => void): ReadableStream<Uint8Array> {
  let taken = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(octets.slice(taken, taken += SMALL));
      if (taken < octets.length) return;
      controller.close();
      onEnd();
    },
    cancel: onEnd,
  }, { highWaterMark: 0 });
}
