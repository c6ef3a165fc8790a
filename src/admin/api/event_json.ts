import type { AdminEvent } from "../view/view.ts";

/** Most entries of a list in an event; an exporter's template may have 16,000 fields. */
const MOST_ENTRIES = 32;

/** Most characters of a text in an event. */
const MOST_CHARACTERS = 1_024;

/** Most characters of an event. A longer one keeps only what identifies it. */
const MOST_OF_ALL = 8_192;

/**
 * Returns the event as JSON on one line of at most a few KiB, whatever an exporter sent. What had to be shortened is
 * listed under `truncated` with its full length: entries of a list, characters of a text.
 */
export function eventJson(event: AdminEvent): string {
  const truncated: Record<string, number> = {};
  const whole = JSON.stringify(event, (key, part) => {
    if (typeof part === "bigint") return part.toString();
    const most = Array.isArray(part) ? MOST_ENTRIES : typeof part === "string" ? MOST_CHARACTERS : Infinity;
    if (part?.length > most) {
      truncated[key] = part.length;
      return part.slice(0, most);
    }
    return part;
  });
  if (whole.length > MOST_OF_ALL) {
    const { time, session, level, link, message } = event;
    const text = typeof message === "string" ? message.slice(0, MOST_CHARACTERS) : undefined;
    const name = event.event.slice(0, MOST_CHARACTERS);
    return JSON.stringify({
      event: name,
      time,
      session,
      level,
      message: text,
      link,
      truncated: { event: whole.length },
    });
  }
  return Object.keys(truncated).length === 0
    ? whole
    : `${whole.slice(0, -1)},"truncated":${JSON.stringify(truncated)}}`;
}
