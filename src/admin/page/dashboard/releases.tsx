import type { AdminView } from "../../view/view.ts";
import { type Overview, type ReleaseRow, type SessionVerdict, UNKNOWN_RELEASE } from "../overview.ts";
import { Region, Scroll, Tag } from "../parts.tsx";
import { tablePath } from "../table_path.ts";
import { count, number } from "../format.ts";

const COLUMNS: readonly (readonly [verdict: SessionVerdict, level: string, sign: string])[] = [
  ["needed", "notice", "≠"],
  ["not_needed", "good", "="],
  ["unknown", "notice", "?"],
];

/**
 * The open sessions by the exporters' releases and by whether they need rewriting; each number leads to its sessions.
 */
export function Releases({ view, overview }: { readonly view: AdminView; readonly overview: Overview }) {
  const { address, profile } = view.collector;
  const { releases } = overview;
  const shown = COLUMNS.filter(([verdict]) =>
    verdict !== "unknown" || releases.some(({ verdicts }) => verdicts.unknown > 0)
  );
  const heads = {
    needed: view.mode === "observe" ? "Would need rewriting" : "Need rewriting",
    not_needed: "Unchanged",
    unknown: "No template yet",
  };
  return (
    <Region id="releases" title="Agents and the collector">
      <p class="none">
        Collector <code>{address}</code> expects {profile}.
      </p>
      {releases.length === 0
        ? <p class="none">No session is open.</p>
        : (
          <Scroll label="Sessions by release and verdict">
            <table>
              <thead>
                <tr>
                  <th scope="col">Agent release</th>
                  {shown.map(([verdict]) => <th scope="col">{heads[verdict]}</th>)}
                </tr>
              </thead>
              <tbody>
                {releases.map((row) => (
                  <tr>
                    <Release row={row} />
                    {shown.map((column) => <Count row={row} column={column} />)}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
    </Region>
  );
}

const AGES = { older: "older than the collector", same: "the collector's own", newer: "newer than the collector" };

function Release({ row: { release, age, sessions } }: { readonly row: ReleaseRow }) {
  return (
    <th scope="row">
      <a href={`${tablePath({ release: release ?? UNKNOWN_RELEASE })}#sessions`}>{release ?? "unknown release"}</a>
      <small>{[count(sessions, "session"), ...(age === undefined ? [] : [AGES[age]])].join(", ")}</small>
    </th>
  );
}

function Count({ row: { release, verdicts }, column: [verdict, level, sign] }: {
  readonly row: ReleaseRow;
  readonly column: (typeof COLUMNS)[number];
}) {
  const sessions = verdicts[verdict];
  if (sessions === 0) return <td class="none">0</td>;
  return (
    <td>
      <a href={`${tablePath({ release: release ?? UNKNOWN_RELEASE, verdict })}#sessions`}>
        <Tag level={level} sign={sign}>{number(sessions)}</Tag>
      </a>
    </td>
  );
}
