import type { AdminView, SessionView } from "../view/view.ts";
import { type ReleaseAge, releaseAge } from "./release_age.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/** Sessions that one page shows: who has more, searches. */
export const ROWS = 200;

/** Sessions that are looked at before sockets get their turn. */
const SLICE = 256;

/** A session as one row of the table. */
export interface SessionRow {
  readonly session: SessionView;
  /** The exporter's releases: `v2.0-v2.5`; undefined: not known. */
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

/** All sessions, summed up and searched. */
export interface Overview {
  /** What was searched for. */
  readonly query: string;
  readonly releases: readonly ReleaseRow[];
  /** The worst {@link ROWS} that match. */
  readonly rows: readonly SessionRow[];
  readonly matching: number;
  readonly open: number;
}

/**
 * Looks at every session, some at a time, so that thousands of them never stop the data path for long.
 *
 * @param query words that all must be somewhere in a row: peer, certificate name, release, trouble, an element that is lost
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
  for (const [index, session] of sessions.entries()) {
    if (index > 0 && index % SLICE === 0) await pause();
    const row = sessionRow(view, session);
    const sum = releases.get(row.release) ?? { sessions: 0, skewed: 0 };
    sum.sessions++;
    if (session.skewed) sum.skewed++;
    releases.set(row.release, sum);
    if (words.every((word) => searched(row).includes(word))) rows.push(row);
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
    open: sessions.length,
  };
}

/** The session at this moment. */
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
