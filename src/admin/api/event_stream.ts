import { eventJson } from "./event_json.ts";
import type { AdminEvent } from "../view/view.ts";

/** Subscribes to events, as {@link AdminView.subscribe}. */
export type Subscribe = (listener: (event: AdminEvent) => void) => () => void;

/** Limits of one client's stream. */
export interface EventStreamOptions {
  /**
   * Octets that may wait for a slow client, 256 KiB by default and at most one event more. Further events are skipped,
   * and reported as a count, `events_skipped`, once the client reads again.
   */
  readonly octets?: number;
  /** Milliseconds between comments that keep the connection alive. */
  readonly heartbeat?: number;
  /** Called once when the client is gone. */
  readonly onClose?: () => void;
}

/**
 * Returns a stream of server-sent events for one client. It subscribes at once, so that no event after this call is
 * missing, and unsubscribes when the stream is cancelled.
 */
export function eventStream(subscribe: Subscribe, options: EventStreamOptions = {}): ReadableStream<Uint8Array> {
  const { octets = 256 * 1024, heartbeat = 15_000, onClose = () => {} } = options;
  const encoder = new TextEncoder();
  let skipped = 0;
  let skippedSince = new Date(0);
  let unsubscribe = () => {};
  let timer: ReturnType<typeof setInterval> | undefined;

  const frame = (event: AdminEvent): Uint8Array => {
    // The name must not contain a line break, which would end its line.
    const name = event.event.replace(/[\r\n]/g, " ").slice(0, 64);
    return encoder.encode(`event: ${name}\ndata: ${eventJson(event)}\n\n`);
  };
  const reportSkipped = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (skipped === 0) return;
    const count = skipped;
    skipped = 0;
    controller.enqueue(frame({ event: "events_skipped", time: skippedSince, count }));
  };

  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(": events from now on\n\n"));
      unsubscribe = subscribe((event) => {
        if ((controller.desiredSize ?? 0) <= 0) {
          if (skipped++ === 0) skippedSince = event.time;
          return;
        }
        reportSkipped(controller);
        controller.enqueue(frame(event));
      });
      timer = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": alive\n\n"));
      }, heartbeat);
    },
    pull: reportSkipped,
    cancel() {
      unsubscribe();
      clearInterval(timer);
      onClose();
    },
  }, new ByteLengthQueuingStrategy({ highWaterMark: octets }));
}
