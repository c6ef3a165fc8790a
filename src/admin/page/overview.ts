import type { AdminView, SessionView } from "../view/view.ts";
import { type ReleaseAge, releaseAge } from "./release_age.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/** Sessions on one page of the table. */
export const ROWS = 20;

/** What the table can be sorted by; `problem` puts the worst first. */
export const ORDERS = ["problem", "session", "release", "peer", "received", "sent"] as const;

export type Order = (typeof ORDERS)[number];

/** Which sessions the table shows, and how. */
export interface TableRequest {
  readonly order?: Order;
  /** From 1; beyond the last page, the last is shown. */
  readonly page?: number;
}

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
  readonly order: Order;
  /** The page that is shown, and how many there are, both from 1. */
  readonly page: number;
  readonly pages: number;
  /** At most {@link ROWS} matching sessions: those of this page. */
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
  { order = "problem", page: wanted = 1 }: TableRequest = {},
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
  rows.sort((one, other) => COMPARE[order](one, other) || byTrouble(one, other));
  const pages = Math.max(1, Math.ceil(rows.length / ROWS));
  const page = Math.min(Math.max(1, wanted), pages);
  return {
    query,
    order,
    page,
    pages,
    releases: [...releases].map(([release, sums]) => ({
      release,
      age: release === undefined ? undefined : releaseAge(release, view.collector.profile),
      ...sums,
    })).sort((one, other) => (one.release ?? "").localeCompare(other.release ?? "", "en", { numeric: true })),
    rows: rows.slice((page - 1) * ROWS, page * ROWS),
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

const natural = (one: string, other: string) => one.localeCompare(other, "en", { numeric: true });

/** Figures: the largest first; texts: in their order. */
const COMPARE: Readonly<Record<Order, (one: SessionRow, other: SessionRow) => number>> = {
  problem: byTrouble,
  session: (one, other) => Number(one.session.id) - Number(other.session.id),
  release: (one, other) => natural(one.release ?? "", other.release ?? ""),
  peer: (one, other) => natural(one.session.peer, other.session.peer),
  received: (one, other) => other.session.counters.recordsReceived - one.session.counters.recordsReceived,
  sent: (one, other) => other.session.counters.recordsSent - one.session.counters.recordsSent,
};

function byTrouble(one: SessionRow, other: SessionRow): number {
  return other.trouble.grade - one.trouble.grade || other.trouble.amount - one.trouble.amount ||
    Number(one.session.id) - Number(other.session.id);
}
