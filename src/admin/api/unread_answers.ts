import type { Context, MiddlewareHandler } from "hono";
import { problem } from "./guard.ts";

/** What clients may leave unread. */
export interface UnreadOptions {
  /** Octets of all answers that clients have not taken yet; one answer always has room. */
  readonly octets?: number;
}

const OCTETS = 16 * 1024 * 1024;
const TOO_MUCH = "too many long answers are unread: try again in a while";
/** An answer up to this length is handed over whole. */
const SMALL = 64 * 1024;

/**
 * Bounds the memory of answers that are made whole and read slowly: a long one is handed over in pieces, as the client
 * takes them. They are made one after the other, and while too much is unread, none is: that is a 503. An answer counts
 * as unread until its body is read to the end or cancelled, as `answerWith` of `http/answer.ts` does to each.
 */
export function unreadAnswers({ octets: most = OCTETS }: UnreadOptions = {}): MiddlewareHandler {
  let unread = 0;
  /** Resolves when the answer under way is made: several at once would take several times the memory. */
  let made: Promise<unknown> = Promise.resolve();
  return async (context, next) => {
    const before = made;
    const { promise, resolve } = Promise.withResolvers<void>();
    made = promise;
    await before;
    try {
      // Making one to refuse it takes as long, and as much memory, as giving it.
      if (unread * 2 > most) return context.json(problem(TOO_MUCH), 503);
      await next();
      await handOver(context);
    } finally {
      resolve();
    }
    return undefined;
  };

  async function handOver(context: Context): Promise<void> {
    if (context.res.body === null) return;
    const { status, headers } = context.res;
    const octets = new Uint8Array(await context.res.arrayBuffer());
    if (octets.length <= SMALL) {
      context.res = new Response(octets, { status, headers });
      return;
    }
    if (unread > 0 && unread + octets.length > most) {
      context.res = undefined;
      context.res = context.json(problem(TOO_MUCH), 503);
      return;
    }
    unread += octets.length;
    context.res = new Response(inPieces(octets, () => unread -= octets.length), { status, headers });
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
