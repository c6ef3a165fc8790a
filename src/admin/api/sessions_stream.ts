import { momentOf } from "../view/moment.ts";
import type { AdminView, EndedSessionView, SessionView } from "../view/view.ts";
import { sessionReport } from "./session_report.ts";
import type { UnreadOctets } from "./unread_octets.ts";

/** Most sessions, and about most octets, that are reported before the event loop has a turn. */
const [BATCH, BATCH_OCTETS] = [8, 64 * 1024];

/** Octets that are handed over at once. */
const PIECE = 64 * 1024;

/**
 * Streams sessions as one JSON array, a few at a time as the client takes them, so that even thousands never block the
 * data path for long. What a client has not taken counts as unread; past the bound, the next sessions wait.
 */
export function sessionsStream(
  sessions: readonly (SessionView | EndedSessionView)[],
  view: AdminView,
  unread: UnreadOctets,
): ReadableStream<Uint8Array> {
  const moment = momentOf(view);
  const encoder = new TextEncoder();
  let next = 0;
  let batch: Uint8Array = new Uint8Array();
  let taken = 0;
  let isOver = false;
  const free = () => {
    unread.free(batch.length);
    batch = new Uint8Array();
    taken = 0;
  };
  const make = (): Uint8Array => {
    if (isOver) return new Uint8Array();
    let text = next === 0 ? "[" : "";
    for (let count = 0; count < BATCH && text.length < BATCH_OCTETS && next < sessions.length; count++) {
      text += (next === 0 ? "" : ",") + JSON.stringify(sessionReport(sessions[next++]!, moment));
    }
    return encoder.encode(next < sessions.length ? text : `${text}]`);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (batch.length === 0) {
        batch = await unread.whenRoom(make);
        if (isOver) return free();
      }
      controller.enqueue(batch.slice(taken, taken += PIECE));
      if (taken < batch.length) return;
      free();
      if (next === sessions.length) controller.close();
    },
    cancel() {
      isOver = true;
      free();
    },
  }, { highWaterMark: 0 });
}
