import type { Overview, SessionRow } from "./overview.ts";
import { Region, Scroll, sessionPath, Tag } from "./parts.tsx";
import { number } from "./trouble.ts";

/** The sessions that match the search, those with the worst problems first. */
export function Sessions({ overview }: { readonly overview: Overview }) {
  const { query, rows, matching, open } = overview;
  return (
    <Region id="sessions" title={`Sessions (${number(open)})`} class="wide">
      <form class="search" method="get" action="/#sessions" role="search">
        <label for="q" class="hidden">Search sessions</label>
        <input id="q" name="q" type="search" value={query} placeholder="peer, release, element, problem" />
        <button type="submit">Search</button>
      </form>
      {rows.length === 0
        ? <p class="none">{open === 0 ? "No session is open." : "No session matches."}</p>
        : (
          <Scroll label="Sessions">
            <table class="sessions">
              <thead>
                <tr>
                  <th scope="col">Session</th>
                  <th scope="col">Status</th>
                  <th scope="col">Release</th>
                  <th scope="col">Peer</th>
                  <th scope="col" class="number">Records in</th>
                  <th scope="col" class="number">out</th>
                </tr>
              </thead>
              <tbody>{rows.map((row) => <Session {...row} />)}</tbody>
            </table>
          </Scroll>
        )}
      {matching > rows.length
        ? (
          <p class="none">
            {`Showing the ${number(rows.length)} with the worst problems of ${
              number(matching)
            }. Search to find others.`}
          </p>
        )
        : ""}
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
