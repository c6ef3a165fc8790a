import type { RateSample } from "../view/rate_history.ts";

/** A part of a page: its id, and the HTML of the whole element. */
export interface RenderedRegion {
  readonly id: string;
  readonly html: string;
}

/** What one open page is told, and how often. */
export interface LiveStreamOptions {
  /** All regions as they are now, in their order. */
  readonly render: () => Promise<readonly RenderedRegion[]>;
  /** New rates, until the function that comes back is called. */
  readonly rates?: (listener: (sample: RateSample) => void) => () => void;
  /** Milliseconds between two looks at the least. */
  readonly interval?: number;
  /** Called once when the page is gone. */
  readonly onClose?: () => void;
}

/** Of its time, the share that a page may take from the data path: a look that took long makes the next one wait. */
const SHARE = 1 / 50;

/** Milliseconds after which a page is told what is new in any case. */
const LATEST = 10_000;

/** Looks without news after which a comment keeps the connection known to be alive. */
const SILENT_LOOKS = 15;

/**
 * A page's regions as server-sent events, for one page: `regions` with all that changed since the last time (the first time all, so
 * that what happened between the page's own load and this is not missing), `rate` with each new sample.
 */
export function liveStream(options: LiveStreamOptions): ReadableStream<Uint8Array> {
  const { render, rates, interval = 1_000, onClose = () => {} } = options;
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
        const started = performance.now();
        // Who does not read gets the newest state once it does, not all those in between.
        if (room()) {
          const regions = await render();
          if (closed) return;
          const changed = regions.filter(({ id, html }) => sent.get(id) !== html);
          const ids = regions.map(({ id }) => id);
          if (changed.length > 0 || ids.join() !== order) {
            for (const id of sent.keys()) if (!ids.includes(id)) sent.delete(id);
            for (const { id, html } of changed) sent.set(id, html);
            order = ids.join();
            silent = 0;
            send("regions", { order: ids, changed });
          } else if (++silent % SILENT_LOOKS === 0) controller.enqueue(encoder.encode(": alive\n\n"));
        }
        timer = setTimeout(safeLook, Math.max(interval, Math.min(LATEST, (performance.now() - started) / SHARE)));
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
  }, new CountQueuingStrategy({ highWaterMark: 4 }));
}
