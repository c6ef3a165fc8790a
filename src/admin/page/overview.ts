import type { AdminView, EndedSessionView, SessionView } from "../view/view.ts";
import { agentOf, isConverted } from "../view/session_facts.ts";
import { SLICE } from "../view/totals.ts";
import { nextTurn } from "../view/turn.ts";
import { type ReleaseAge, releaseAge } from "./release_age.ts";
import { SortedRuns } from "./sorted_runs.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/** Sessions on one page of the table. */
export const ROWS = 20;

/** What the table can be sorted by; `problem` puts the worst first. */
export const ORDERS = ["problem", "session", "release", "peer", "received", "sent"] as const;

export type Order = (typeof ORDERS)[number];

/** Whether a session needs rewriting or conversion; `unknown` while its exporter has announced no template. */
export const SESSION_VERDICTS = ["needed", "not_needed", "unknown"] as const;

export type SessionVerdict = (typeof SESSION_VERDICTS)[number];

/** What stands for exporters whose release is not known. */
export const UNKNOWN_RELEASE = "unknown";

/** Which sessions the tables show, and how. */
export interface TableRequest {
  /** Words that a row must all contain: in its peer, node, certificate name, release, problems, or elements lost. */
  readonly query?: string;
  /** Only sessions of this release, or {@link UNKNOWN_RELEASE}. */
  readonly release?: string;
  readonly verdict?: SessionVerdict;
  readonly order?: Order;
  /** From 1; beyond the last page, the last is shown. */
  readonly page?: number;
  /** The page of ended sessions. */
  readonly endedPage?: number;
}

/** A session as one row of the table. */
export interface SessionRow<Session = SessionView> {
  readonly session: Session;
  /** The exporter's releases, `v2.0-v2.5`; undefined if not known. */
  readonly release: string | undefined;
  readonly verdict: SessionVerdict;
  readonly trouble: Trouble;
}

/** Sessions of one release. */
export interface ReleaseRow {
  readonly release: string | undefined;
  readonly age: ReleaseAge | undefined;
  readonly sessions: number;
  /** How many of them have each verdict. */
  readonly verdicts: Readonly<Record<SessionVerdict, number>>;
}

/** One page of a table. */
export interface TablePage<Session> {
  /** The page that is shown, and how many there are, both from 1. */
  readonly page: number;
  readonly pages: number;
  /** At most {@link ROWS}: those of this page. */
  readonly rows: readonly SessionRow<Session>[];
  readonly matching: number;
}

/** A summary of all sessions, and those that match a search. */
export interface Overview extends TablePage<SessionView> {
  readonly request: TableRequest;
  readonly releases: readonly ReleaseRow[];
  readonly open: number;
  /** Those that have ended, the newest first, and how many are kept. */
  readonly ended: TablePage<EndedSessionView> & { readonly kept: number };
}

/**
 * Summarizes all sessions, a slice at a time, so that even thousands never block the data path for long.
 *
 * @param pause called between slices
 */
export async function overview(view: AdminView, request: TableRequest = {}, pause = nextTurn): Promise<Overview> {
  const { order = "problem", page = 1, endedPage = 1 } = request;
  const matches = matcher(view, request);
  const releases = new Map<string | undefined, Record<SessionVerdict, number>>();
  const found = new SortedRuns<SessionRow>((one, other) => COMPARE[order](one, other) || byTrouble(one, other));
  let open = 0;
  for (const [index, session] of view.sessions().entries()) {
    if (index > 0 && index % SLICE === 0) {
      found.endRun();
      await pause();
    }
    const row = sessionRow(view, session);
    if (matches(row)) found.add(row);
    if (session.closing) continue;
    open++;
    const sums = releases.get(row.release) ?? { needed: 0, not_needed: 0, unknown: 0 };
    sums[row.verdict]++;
    releases.set(row.release, sums);
  }
  const kept = view.endedSessions();
  const ended: SessionRow<EndedSessionView>[] = [];
  for (const [index, session] of kept.entries()) {
    if (index % SLICE === 0) await pause();
    const row = { ...sessionRow(view, session), session };
    if (matches(row)) ended.push(row);
  }
  const { profile } = view.collector;
  const endedShown = bounds(ended.length, endedPage);
  const shown = bounds(found.length, page);
  return {
    request,
    ...shown,
    releases: [...releases].map(([release, verdicts]) => ({
      release,
      age: release === undefined ? undefined : releaseAge(release, profile),
      sessions: verdicts.needed + verdicts.not_needed + verdicts.unknown,
      verdicts,
    })).sort((one, other) => natural(one.release ?? "", other.release ?? "")),
    rows: await found.slice((shown.page - 1) * ROWS, shown.page * ROWS, pause),
    matching: found.length,
    open,
    ended: {
      ...endedShown,
      rows: ended.slice((endedShown.page - 1) * ROWS, endedShown.page * ROWS),
      matching: ended.length,
      kept: kept.length,
    },
  };
}

function bounds(rows: number, wanted: number): { readonly page: number; readonly pages: number } {
  const pages = Math.max(1, Math.ceil(rows / ROWS));
  return { page: Math.min(Math.max(1, wanted), pages), pages };
}

/** Returns the state of a session as a row. */
export function sessionRow(view: AdminView, session: SessionView): SessionRow {
  const templates = session.templates();
  const converted = isConverted(view, session);
  const profile = templates.find(({ detectedProfile }) => detectedProfile !== undefined)?.detectedProfile;
  return {
    session,
    release: profile === undefined ? undefined : view.releaseRange?.(profile) ?? profile,
    verdict: session.skewed || converted ? "needed" : templates.length === 0 ? "unknown" : "not_needed",
    trouble: troubleOf(session, templates, converted),
  };
}

/** Returns whether a row is one of those asked for. */
function matcher(view: AdminView, { query = "", release, verdict }: TableRequest): (row: SessionRow) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return (row) => {
    if (release !== undefined && (row.release ?? UNKNOWN_RELEASE) !== release) return false;
    if (verdict !== undefined && row.verdict !== verdict) return false;
    if (words.length === 0) return true;
    const text = searched(view, row);
    return words.every((word) => text.includes(word));
  };
}

function searched(view: AdminView, { session, release, trouble }: SessionRow): string {
  const { id, peer, transport, certificateName, counters } = session;
  const node = agentOf(view, session, view.agentOf === undefined ? [] : session.templates())?.node;
  const parts = [`session ${id}`, peer, transport, certificateName, node, release ?? UNKNOWN_RELEASE, ...trouble.words];
  if ("outcome" in session) parts.push(String(session.outcome).replaceAll("_", " "));
  return [...parts, ...counters.read("informationLost").keys(), ...counters.read("fieldsStripped").keys()]
    .join("\n").toLowerCase();
}

/** Made when it is first needed, because its tables take memory. */
let collator: Intl.Collator | undefined;

function natural(one: string, other: string): number {
  return (collator ??= new Intl.Collator("en", { numeric: true })).compare(one, other);
}

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
