import type { Order, Overview, SessionRow } from "./overview.ts";
import { Region, Scroll, sessionPath, Tag } from "./parts.tsx";
import { number } from "./trouble.ts";

/** Returns the path of the dashboard that shows these sessions; on the defaults it says nothing. */
export function tablePath({ query, order, page }: Pick<Overview, "query" | "order" | "page">, path = "/"): string {
  const parameters = new URLSearchParams();
  if (query !== "") parameters.set("q", query);
  if (order !== "problem") parameters.set("sort", order);
  if (page > 1) parameters.set("page", String(page));
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

/** The sessions that match the search, a page at a time, by default those with the worst problems first. */
export function Sessions({ overview }: { readonly overview: Overview }) {
  const { query, order, page, pages, rows, matching, open } = overview;
  const head = (by: Order, name: string, more = "") => (
    <th scope="col" class={more} aria-sort={by === order ? "other" : undefined}>
      <a href={`${tablePath({ query, order: by, page: 1 })}#sessions`}>{by === order ? `${name} ▾` : name}</a>
    </th>
  );
  return (
    <Region id="sessions" title={`Sessions (${number(open)})`} class="wide">
      <form class="search" method="get" action="/#sessions" role="search">
        <label for="q" class="hidden">Search sessions</label>
        <input id="q" name="q" type="search" value={query} placeholder="peer, release, element, problem" />
        {order === "problem" ? "" : <input type="hidden" name="sort" value={order} />}
        <button type="submit">Search</button>
      </form>
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
              <tbody>{rows.map((row) => <Session {...row} />)}</tbody>
            </table>
          </Scroll>
        )}
      {pages === 1 ? "" : (
        <p class="none">
          {page === 1 ? "" : <a href={`${tablePath({ query, order, page: page - 1 })}#sessions`}>Previous</a>}
          {` Page ${number(page)} of ${number(pages)}, ${number(matching)} sessions `}
          {page === pages ? "" : <a href={`${tablePath({ query, order, page: page + 1 })}#sessions`}>Next</a>}
        </p>
      )}
    </Region>
  );
}

function Session({ session, release, trouble }: SessionRow) {
  const { id, peer, transport, certificateName, counters, closing } = session;
  const { recordsReceived, recordsSent } = counters;
  return (
    <tr data-key={id}>
      <th scope="row">
        <a href={sessionPath(id)} aria-label={`Session ${id}`}>{id}</a>
      </th>
      <td>
        <Trouble trouble={trouble} />
        {closing ? <small>closing</small> : ""}
      </td>
      <td>{release ?? "unknown"}</td>
      <td>
        <code>{peer}</code>
        <small>{certificateName ?? transport}</small>
      </td>
      <td class="number">{number(recordsReceived)}</td>
      <td class="number">{number(recordsSent)}</td>
    </tr>
  );
}

/** A session's problems, with a sign for the worst. */
export function Trouble({ trouble: { grade, words } }: Pick<SessionRow, "trouble">) {
  if (grade === 0) return <Tag level="good" sign="=">unchanged</Tag>;
  const level = grade >= 4 ? "bad" : grade >= 3 ? "warning" : "notice";
  return (
    <>
      {words.map((word, index) => (
        <>
          {index > 0 ? " " : ""}
          <Tag
            level={index === 0 ? level : "notice"}
            sign={index > 0 || grade < 3 ? "≠" : grade >= 4 ? "✕" : "▲"}
          >
            {word}
          </Tag>
        </>
      ))}
    </>
  );
}
