import type { Child } from "hono/jsx";
import { agentOf } from "../view/session_facts.ts";
import type { AdminView, SessionView } from "../view/view.ts";
import { type Order, type Overview, type SessionRow, type TableRequest, UNKNOWN_RELEASE } from "./overview.ts";
import { Region, Scroll, sessionPath, Tag } from "./parts.tsx";
import { tablePath } from "./table_path.ts";
import { GRADE } from "./trouble.ts";
import { count, number } from "./format.ts";

/** The open sessions that match the search, a page at a time, by default those with the worst problems first. */
export function Sessions({ view, overview }: { readonly view: AdminView; readonly overview: Overview }) {
  const { request, page, pages, rows, matching, open } = overview;
  const { query = "", release, verdict, order = "problem" } = request;
  const { endedPage: _, ...rest } = request;
  const head = (by: Order, name: string, more = "") => (
    <th scope="col" class={more} aria-sort={by === order ? "other" : undefined}>
      <a href={`${tablePath({ ...rest, order: by, page: 1 })}#sessions`}>{by === order ? `${name} ▾` : name}</a>
    </th>
  );
  return (
    <Region id="sessions" title={`Sessions (${number(open)})`} class="wide">
      <form class="search" method="get" action="/#sessions" role="search">
        <label for="q" class="hidden">Search sessions</label>
        <input id="q" name="q" type="search" value={query} placeholder="peer, node, release, element, problem" />
        {order === "problem" ? "" : <input type="hidden" name="sort" value={order} />}
        {release === undefined ? "" : <input type="hidden" name="release" value={release} />}
        {verdict === undefined ? "" : <input type="hidden" name="verdict" value={verdict} />}
        <button type="submit">Search</button>
      </form>
      <Group request={rest} />
      {rows.length === 0
        ? <p class="none">{open === 0 ? "No session is open." : "No session matches."}</p>
        : (
          <Scroll label="Sessions">
            <table class="sessions">
              <thead>
                <tr>
                  {head("session", "Session")}
                  {head("problem", "Status")}
                  {head("release", "Release")}
                  {head("peer", "Peer")}
                  {head("received", "Records in", "number")}
                  {head("sent", "out", "number")}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <Session view={view} row={row}>
                    {note(row.session)}
                  </Session>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      <Pages
        id="sessions"
        page={page}
        pages={pages}
        matching={matching}
        path={(page) => tablePath({ ...rest, page })}
      />
    </Region>
  );
}

/** What a session is besides its problems. The verdict counts neither of these two. */
function note({ closing, silent }: SessionView): Child {
  if (closing) return <small>closing</small>;
  return silent === true ? <small>silent: its exporter may have gone</small> : "";
}

const GROUPS = {
  needed: "that need rewriting",
  not_needed: "that are relayed unchanged",
  unknown: "that have announced no template yet",
};

/** Which group of sessions is shown, and the way back to all of them. */
function Group({ request }: { readonly request: TableRequest }) {
  const { release, verdict, ...rest } = request;
  if (release === undefined && verdict === undefined) return "";
  const of = release === undefined ? "" : ` of ${release === UNKNOWN_RELEASE ? "unknown release" : release}`;
  return (
    <p class="group">
      {`Only sessions${of}${verdict === undefined ? "" : ` ${GROUPS[verdict]}`}. `}
      <a href={`${tablePath({ ...rest, page: 1 })}#sessions`}>Show all</a>
    </p>
  );
}

/** The way to other pages of a table; nothing where there is one. */
export function Pages({ id, page, pages, matching, path }: {
  readonly id: string;
  readonly page: number;
  readonly pages: number;
  readonly matching: number;
  readonly path: (page: number) => string;
}) {
  if (pages === 1) return "";
  return (
    <p class="none">
      {page === 1 ? "" : <a href={`${path(page - 1)}#${id}`}>Previous</a>}
      {` Page ${number(page)} of ${number(pages)}, ${count(matching, "session")} `}
      {page === pages ? "" : <a href={`${path(page + 1)}#${id}`}>Next</a>}
    </p>
  );
}

/** A session's row. */
export function Session({ view, row, end, children }: {
  readonly view: AdminView;
  readonly row: SessionRow;
  /** What stands before its problems. */
  readonly end?: Child;
  /** What stands below them. */
  readonly children?: Child;
}) {
  const { session, release, trouble } = row;
  const { id, peer, counters } = session;
  return (
    <tr data-key={id}>
      <th scope="row">
        <a href={sessionPath(id)} aria-label={`Session ${id}`}>{id}</a>
      </th>
      <td>
        {end}
        <Trouble trouble={trouble} verdict={row.verdict} />
        {children}
      </td>
      <td>{release ?? "unknown"}</td>
      <td>
        <code>{peer}</code>
        <small>{whoIs(view, session)}</small>
      </td>
      <td class="number">{number(counters.recordsReceived)}</td>
      <td class="number">{number(counters.recordsSent)}</td>
    </tr>
  );
}

/**
 * `node-1, certificate antrea-agent, tls`: the exporter's node as its cluster has it, the name in its certificate, its
 * transport.
 */
function whoIs(view: AdminView, session: SessionView): string {
  const { certificateName, transport } = session;
  const node = agentOf(view, session, session.templates())?.node;
  if (certificateName === undefined || certificateName === node) {
    return [node, transport].filter((word) => word !== undefined).join(", ");
  }
  return node === undefined
    ? `${certificateName}, ${transport}`
    : `${node}, certificate ${certificateName}, ${transport}`;
}

/** A session's problems, with a sign for the worst. */
export function Trouble(
  { trouble: { grade, words }, verdict }: Pick<SessionRow, "trouble" | "verdict">,
) {
  if (grade === GRADE.none) {
    return verdict === "unknown"
      ? <Tag level="notice" sign="?">no template yet</Tag>
      : <Tag level="good" sign="=">unchanged</Tag>;
  }
  const level = grade >= GRADE.refused ? "bad" : grade >= GRADE.gapsAndFaults ? "warning" : "notice";
  return (
    <>
      {words.map((word, index) => (
        <>
          {index > 0 ? " " : ""}
          <Tag
            level={index === 0 ? level : "notice"}
            sign={index > 0 || level === "notice" ? "≠" : level === "bad" ? "✕" : "▲"}
          >
            {word}
          </Tag>
        </>
      ))}
    </>
  );
}
