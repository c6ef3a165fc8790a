import { explainMapping } from "../../mediation/mapping/explanation.ts";
import type { AdminEvent } from "../view/view.ts";

/** Where events come from: {@link AdminView.subscribe}. */
export type Subscribe = (listener: (event: AdminEvent) => void) => () => void;

/** How one client's stream is kept small. */
export interface EventStreamOptions {
  /** Events that wait for a slow client; past that, new ones are counted instead and told as `events_skipped`. */
  readonly capacity?: number;
  /** Milliseconds between comments that keep the connection known to be alive. */
  readonly heartbeat?: number;
  /** Called once when the client is gone. */
  readonly onClose?: () => void;
}

/** The event as JSON on one line, its mapping as explain tells it. */
function eventJson({ mapping, ...event }: AdminEvent): string {
  const value = mapping === undefined ? event : { ...event, mapping: explainMapping(mapping) };
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? part.toString() : part);
}

/**
 * Events as the octets of a server-sent event stream, for one client. Subscribes at once, so that nothing that happens after
 * this call is missing; unsubscribes when the stream is cancelled.
 */
export function eventStream(subscribe: Subscribe, options: EventStreamOptions = {}): ReadableStream<Uint8Array> {
  const { capacity = 256, heartbeat = 15_000, onClose = () => {} } = options;
  const encoder = new TextEncoder();
  let skipped = 0;
  let skippedSince = new Date(0);
  let unsubscribe = () => {};
  let timer: ReturnType<typeof setInterval> | undefined;

  const frame = (event: AdminEvent): Uint8Array => {
    // The name stands on a line of its own: nothing in it may end that line.
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
