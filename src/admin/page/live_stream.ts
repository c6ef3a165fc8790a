import type { RateSample } from "../view/rate_history.ts";
import { nextTurn } from "../view/turn.ts";

/** A region of a page: its id, and the HTML of its element. */
export interface RenderedRegion {
  readonly id: string;
  readonly html: string;
}

/** What an open page receives, and how often. */
export interface LiveStreamOptions {
  /**
   * Returns all regions in their current state, in order.
   *
   * @param pause waits for a turn to do the next piece of the work
   */
  readonly render: (pause: () => Promise<void>) => Promise<readonly RenderedRegion[]>;
  /** Calls the listener with new rates, until the returned function is called. */
  readonly rates?: (listener: (sample: RateSample) => void) => () => void;
  /** Least milliseconds between updates, 1,000 by default. */
  readonly interval?: number;
  /** Called once when the page is gone. */
  readonly onClose?: () => void;
  /** Waits for a turn. */
  readonly turn?: () => Promise<void>;
  /** A monotonic time in milliseconds. */
  readonly now?: () => number;
}

/** The share of time that rendering for one page may take: after a slow update, the next one waits longer. */
const SHARE = 1 / 20;

/** Most milliseconds between updates. */
const LATEST = 10_000;

/** Octets of an update that wait for a page that does not read; of four updates, or of one that is as long as four. */
const UPDATE_OCTETS = 64 * 1024;

/**
 * Characters of a region that is kept up to date, and of one update: 16 pages that do not read have at most 16 of them
 * waiting.
 */
const LONGEST_REGION = 256 * 1024;
const LONGEST_UPDATE = 1024 * 1024;

/** Updates without changes after which a comment keeps the connection alive. */
const SILENT_LOOKS = 15;

/**
 * Returns a stream of server-sent events for one page: `regions` with those that changed since the last update (at
 * first all, so that no change between the page's own load and this stream is missing), and `rate` with each new
 * sample. A region that is too long for an update stays as the page has loaded it; what an update has no room for
 * follows in the next one.
 */
export function liveStream(options: LiveStreamOptions): ReadableStream<Uint8Array> {
  const { render, rates, interval = 1_000, onClose = () => {}, turn = nextTurn, now = () => performance.now() } =
    options;
  const encoder = new TextEncoder();
  const sent = new Map<string, string>();
  let order = "";
  let closed = false;
  let silent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unsubscribe = () => {};

  const close = () => {
    if (closed) return;
    closed = true;
    clearTimeout(timer);
    unsubscribe();
    onClose();
  };

  return new ReadableStream<Uint8Array>({
    start(controller) {
      const room = () => !closed && (controller.desiredSize ?? 0) > 0;
      const send = (event: string, data: unknown) =>
        controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      const look = async () => {
        const started = now();
        let waited = 0;
        const pause = async () => {
          const began = now();
          await turn();
          waited += now() - began;
        };
        // A page that does not read gets the newest state once it does, without the states in between.
        if (room()) {
          const regions = await render(pause);
          if (closed) return;
          const changed = inOneUpdate(regions.filter(({ id, html }) => sent.get(id) !== html));
          const ids = regions.map(({ id }) => id);
          if (changed.length > 0 || ids.join() !== order) {
            for (const id of sent.keys()) if (!ids.includes(id)) sent.delete(id);
            for (const { id, html } of changed) sent.set(id, html);
            order = ids.join();
            silent = 0;
            send("regions", { order: ids, changed });
          } else if (++silent % SILENT_LOOKS === 0) controller.enqueue(encoder.encode(": alive\n\n"));
        }
        const worked = now() - started - waited;
        timer = setTimeout(safeLook, Math.max(interval, Math.min(LATEST, worked / SHARE)));
      };
      const safeLook = () =>
        void look().catch((error: unknown) => {
          if (closed) return;
          close();
          controller.error(error);
        });
      unsubscribe = rates?.((sample) => room() && send("rate", sample)) ?? unsubscribe;
      safeLook();
    },
    cancel: close,
  }, { highWaterMark: 4, size: ({ length }) => Math.max(1, length / UPDATE_OCTETS) });
}

/** The first regions that fit into one update, without those that fit into none. */
function inOneUpdate(regions: readonly RenderedRegion[]): RenderedRegion[] {
  let room = LONGEST_UPDATE;
  return regions.filter(({ html }) => html.length <= LONGEST_REGION && (room -= html.length) >= 0);
}
