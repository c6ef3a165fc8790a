import type { AdminView } from "../../view/view.ts";
import type { Overview, ReleaseRow } from "../overview.ts";
import { Region, Scroll, Tag } from "../parts.tsx";
import { count } from "../trouble.ts";

/** The Agents' releases against the collector's, with the number of sessions of each. */
export function Releases({ view, overview }: { readonly view: AdminView; readonly overview: Overview }) {
  const { address, profile } = view.collector;
  return (
    <Region id="releases" title="Agents and the collector">
      {overview.releases.length === 0
        ? <p class="none">No session is open.</p>
        : (
          <Scroll label="Sessions by release and collector">
            <table>
              <thead>
                <tr>
                  <th scope="col">Agent release</th>
                  <th scope="col">
                    Collector {address}
                    <small>expects {profile}</small>
                  </th>
                </tr>
              </thead>
              <tbody>{overview.releases.map((row) => <Release row={row} observed={view.mode === "observe"} />)}</tbody>
            </table>
          </Scroll>
        )}
    </Region>
  );
}

const AGES = { older: "older than the collector", same: "the collector's own", newer: "newer than the collector" };

function Release({ row, observed }: { readonly row: ReleaseRow; readonly observed: boolean }) {
  const { release, age, sessions, skewed } = row;
  const rewritten = observed ? "would be rewritten" : "rewritten";
  return (
    <tr>
      <th scope="row">
        <a href={`/?q=${encodeURIComponent(release ?? "unknown")}#sessions`}>{release ?? "unknown release"}</a>
        {age === undefined ? "" : <small>{AGES[age]}</small>}
      </th>
      <td>
        <Tag level={skewed > 0 ? "notice" : "good"} sign={skewed > 0 ? "≠" : "="}>
          {count(sessions, "session")}
        </Tag>
        <small>{skewed === 0 ? "relayed unchanged" : skewed === sessions ? rewritten : `${skewed} ${rewritten}`}</small>
      </td>
    </tr>
  );
}
