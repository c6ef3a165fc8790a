import { ORDERLY_OUTCOMES } from "../../view/orderly_outcomes.ts";
import type { AdminView, EndedSessionView } from "../../view/view.ts";
import type { Overview } from "../overview.ts";
import { Region, Scroll, Tag } from "../parts.tsx";
import { duration, number } from "../format.ts";
import { Pages, Session } from "../sessions.tsx";
import { tablePath } from "../table_path.ts";

/** The sessions that ended within the last hour, the newest first. */
export function Ended({ view, overview }: { readonly view: AdminView; readonly overview: Overview }) {
  const { request, ended: { rows, page, pages, matching, kept } } = overview;
  return (
    <Region id="ended" title={`Ended in the last hour (${number(kept)})`} class="wide">
      {rows.length === 0 ? <p class="none">No ended session matches.</p> : (
        <Scroll label="Ended sessions">
          <table class="sessions">
            <thead>
              <tr>
                <th scope="col">Session</th>
                <th scope="col">End and status</th>
                <th scope="col">Release</th>
                <th scope="col">Peer</th>
                <th scope="col" class="number">Records in</th>
                <th scope="col" class="number">out</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Session
                  view={view}
                  row={row}
                  end={
                    <>
                      <Outcome session={row.session} />
                      {" "}
                    </>
                  }
                >
                  <small>{lifetime(row.session)}</small>
                </Session>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <Pages
        id="ended"
        page={page}
        pages={pages}
        matching={matching}
        path={(endedPage) => tablePath({ ...request, endedPage })}
      />
    </Region>
  );
}

/** Outcomes by which something was lost, or kept out. */
const BAD: ReadonlySet<string> = new Set(["rejected", "collector_unavailable", "partial_message", "failed"]);

/** How a session ended, with its sign and colour. */
export function Outcome({ session: { outcome } }: { readonly session: EndedSessionView }) {
  const [level, sign] = ORDERLY_OUTCOMES.has(outcome)
    ? ["good", "✓"] as const
    : BAD.has(outcome)
    ? ["bad", "✕"] as const
    : ["warning", "▲"] as const;
  return <Tag level={level} sign={sign}>{outcomeWords(outcome)}</Tag>;
}

const WORDS: Readonly<Record<string, string>> = {
  administrator: "closed on request",
  reset: "connection reset",
  rejected: "malformed message",
  evicted: "made room for another",
  failed: "internal error",
  partial_message: "message not completed in time",
};

/** `collector unavailable` */
export function outcomeWords(outcome: string): string {
  return WORDS[outcome] ?? outcome.replaceAll("_", " ");
}

/** `at 12:00:30 UTC after 5 min` */
function lifetime({ openedAt, endedAt }: EndedSessionView): string {
  return `at ${endedAt.toISOString().slice(11, 19)} UTC after ${duration(endedAt.getTime() - openedAt.getTime())}`;
}
