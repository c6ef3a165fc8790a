import { explainMapping } from "../../mediation/mapping/explanation.ts";
import type { AdminEvent } from "../view/view.ts";

/** Subscribes to events, as {@link AdminView.subscribe}. */
export type Subscribe = (listener: (event: AdminEvent) => void) => () => void;

/** Limits of one client's stream. */
export interface EventStreamOptions {
  /** Most events that wait for a slow client; further ones are skipped and reported as a count, `events_skipped`. */
  readonly capacity?: number;
  /** Milliseconds between comments that keep the connection alive. */
  readonly heartbeat?: number;
  /** Called once when the client is gone. */
  readonly onClose?: () => void;
}

/** Returns the event as JSON on one line, with its mapping explained. */
function eventJson({ mapping, ...event }: AdminEvent): string {
  const value = mapping === undefined ? event : { ...event, mapping: explainMapping(mapping) };
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? part.toString() : part);
}

/**
 * Returns a stream of server-sent events for one client. It subscribes at once, so that no event after this call is missing, and
 * unsubscribes when the stream is cancelled.
 */
export function eventStream(subscribe: Subscribe, options: EventStreamOptions = {}): ReadableStream<Uint8Array> {
  const { capacity = 256, heartbeat = 15_000, onClose = () => {} } = options;
  const encoder = new TextEncoder();
  let skipped = 0;
  let skippedSince = new Date(0);
  let unsubscribe = () => {};
  let timer: ReturnType<typeof setInterval> | undefined;

  const frame = (event: AdminEvent): Uint8Array => {
    // The name must not contain a line break, which would end its line.
    return encoder.encode(`event: ${event.event.replace(/[\r\n]/g, " ")}\ndata: ${eventJson(event)}\n\n`);
  };

  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(": events from now on\n\n"));
      unsubscribe = subscribe((event) => {
        if ((controller.desiredSize ?? 0) <= 0) {
          if (skipped++ === 0) skippedSince = event.time;
          return;
        }
        if (skipped > 0) {
          controller.enqueue(frame({ event: "events_skipped", time: skippedSince, count: skipped }));
          skipped = 0;
        }
        controller.enqueue(frame(event));
      });
      timer = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": alive\n\n"));
      }, heartbeat);
    },
    cancel() {
      unsubscribe();
      clearInterval(timer);
      onClose();
    },
  }, new CountQueuingStrategy({ highWaterMark: capacity }));
}
