import type { Context } from "hono";
import { z } from "zod";
import { type AdminEnvironment, problem } from "./guard.ts";
import { tar } from "./tar.ts";
import type { AdminView } from "../view/view.ts";

/** Most octets of each side: both are kept in memory until the answer. */
const MOST_OCTETS = 16 * 1024 * 1024;

/** Captures whose octets are kept at the same time: those that run, and those that a client has not read to the end. */
const MOST_CAPTURES = 2;

/** Octets of an archive that are handed over at once. */
const PIECE = 64 * 1024;

const REQUEST = z.strictObject({
  messages: z.int().min(1).max(100_000).default(100),
  seconds: z.number().min(0.1).max(300).default(10),
  octets: z.int().min(65_535).max(MOST_OCTETS).default(4 * 1024 * 1024),
});

/** What the capture handler needs. */
export interface CaptureRouteOptions {
  readonly view: AdminView;
  readonly now: () => Date;
  /** Returns a signal that aborts after this many milliseconds. */
  readonly timeout?: (milliseconds: number) => AbortSignal;
}

/**
 * Returns the handler of `POST /api/sessions/:id/capture`. It answers at once; the body follows when the capture ends:
 * a tar archive of two RFC 5655 files, before and after rewriting. Nothing is kept. A client that disconnects ends its
 * capture.
 */
export function captureRoute({ view, now, timeout = AbortSignal.timeout }: CaptureRouteOptions) {
  let running = 0;
  return async (context: Context<AdminEnvironment, "/api/sessions/:id/capture">): Promise<Response> => {
    if (view.capture === undefined) return context.json(problem("this proxy cannot capture"), 501);
    const id = context.req.param("id");
    const request = REQUEST.safeParse(await body(context));
    if (!request.success) return context.json(problem(z.prettifyError(request.error)), 400);
    if (running >= MOST_CAPTURES) {
      return context.json(problem(`${MOST_CAPTURES} captures are already running: wait for one to end`), 503);
    }
    const { messages, seconds, octets } = request.data;
    const gone = new AbortController();
    const stop = AbortSignal.any([timeout(seconds * 1000), gone.signal]);
    const capture = view.capture(id, { messages, octets }, stop);
    if (capture === undefined) return context.json(problem("no open session has this id"), 404);
    if (capture === "busy") return context.json(problem("this session is already being captured"), 409);
    running++;
    const name = `session-${id.replace(/[^A-Za-z0-9]/g, "_").slice(0, 40)}`;
    const archive = capture.then(({ received, sent }) =>
      tar([
        { name: `${name}-received.ipfix`, octets: received },
        { name: `${name}-sent.ipfix`, octets: sent },
      ], now())
    );
    return context.body(streamOf(archive, () => gone.abort(), () => running--), 200, {
      "Content-Type": "application/x-tar",
      "Content-Disposition": `attachment; filename="${name}.tar"`,
    });
  };
}

/**
 * A response body whose octets follow once they are available.
 *
 * @param onGone called when the client disconnects
 * @param onEnd called once when the octets are no longer kept: the client has taken nearly all of them, or is gone
 */
function streamOf(octets: Promise<Uint8Array>, onGone: () => void, onEnd: () => void): ReadableStream<Uint8Array> {
  let taken = 0;
  let ended = false;
  const end = () => {
    if (!ended) onEnd();
    ended = true;
  };
  octets.catch(end);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const all = await octets;
      if (ended) return;
      controller.enqueue(all.subarray(taken, taken += PIECE));
      if (taken < all.length) return;
      controller.close();
      end();
    },
    cancel() {
      onGone();
      void octets.then(end, end);
    },
  }, { highWaterMark: 0 });
}

/** Returns the body parsed as JSON: an empty object if there is no body, undefined if it is not JSON. */
async function body(context: Context): Promise<unknown> {
  const text = await context.req.text();
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
