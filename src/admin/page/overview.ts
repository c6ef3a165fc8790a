import type { AdminView, SessionView } from "../view/view.ts";
import { type ReleaseAge, releaseAge } from "./release_age.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/** Most sessions that the dashboard lists. A search finds the others. */
export const ROWS = 200;

/** Sessions visited before yielding to the event loop. */
const SLICE = 256;

/** A session as one row of the table. */
export interface SessionRow {
  readonly session: SessionView;
  /** The exporter's releases, `v2.0-v2.5`; undefined if not known. */
  readonly release: string | undefined;
  readonly trouble: Trouble;
}

/** Sessions of one release. */
export interface ReleaseRow {
  readonly release: string | undefined;
  readonly age: ReleaseAge | undefined;
  readonly sessions: number;
  readonly skewed: number;
}

/** A summary of all sessions, and those that match a search. */
export interface Overview {
  /** The search text. */
  readonly query: string;
  readonly releases: readonly ReleaseRow[];
  /** The {@link ROWS} matching sessions with the worst problems. */
  readonly rows: readonly SessionRow[];
  readonly matching: number;
  readonly open: number;
}

/**
 * Summarizes all sessions, a slice at a time, so that even thousands never block the data path for long.
 *
 * @param query words that a row must all contain: in its peer, certificate name, release, problems, or elements lost
 * @param pause called between slices
 */
export async function overview(
  view: AdminView,
  query: string,
  pause: () => Promise<void> = () => new Promise((resolve) => setTimeout(resolve, 0)),
): Promise<Overview> {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const releases = new Map<string | undefined, { sessions: number; skewed: number }>();
  const rows: SessionRow[] = [];
  const sessions = view.sessions();
  let open = 0;
  for (const [index, session] of sessions.entries()) {
    if (index > 0 && index % SLICE === 0) await pause();
    const row = sessionRow(view, session);
    if (words.every((word) => searched(row).includes(word))) rows.push(row);
    if (session.closing) continue;
    open++;
    const sum = releases.get(row.release) ?? { sessions: 0, skewed: 0 };
    sum.sessions++;
    if (session.skewed) sum.skewed++;
    releases.set(row.release, sum);
  }
  rows.sort(byTrouble);
  return {
    query,
    releases: [...releases].map(([release, sums]) => ({
      release,
      age: release === undefined ? undefined : releaseAge(release, view.collector.profile),
      ...sums,
    })).sort((one, other) => (one.release ?? "").localeCompare(other.release ?? "", "en", { numeric: true })),
    rows: rows.slice(0, ROWS),
    matching: rows.length,
    open,
  };
}

/** Returns the current state of a session. */
export function sessionRow(view: AdminView, session: SessionView): SessionRow {
  const templates = session.templates();
  const profile = templates.find(({ detectedProfile }) => detectedProfile !== undefined)?.detectedProfile;
  return {
    session,
    release: profile === undefined ? undefined : view.releaseRange?.(profile) ?? profile,
    trouble: troubleOf(session, templates, view.mode === "observe"),
  };
}

function searched({ session, release, trouble }: SessionRow): string {
  const { id, peer, transport, certificateName, counters } = session;
  const parts = [`session ${id}`, peer, transport, certificateName, release ?? "unknown", ...trouble.words];
  return [...parts, ...counters.informationLost.keys(), ...counters.fieldsStripped.keys()].join("\n").toLowerCase();
}

function byTrouble(one: SessionRow, other: SessionRow): number {
  return other.trouble.grade - one.trouble.grade || other.trouble.amount - one.trouble.amount ||
    Number(one.session.id) - Number(other.session.id);
}
