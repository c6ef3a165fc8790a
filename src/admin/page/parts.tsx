import type { Child } from "hono/jsx";
import type { RecentEvent } from "../view/recent_events.ts";
import { number } from "./format.ts";
import type { Statement as StatementOf } from "./statement.ts";

const SIGNS = { good: "✓", notice: "●", warning: "▲", bad: "✕" } as const;

/** A statement with its sign and colour. */
export function Statement({ level, sentence, detail }: StatementOf) {
  return (
    <p class={`statement ${level}`}>
      <span class="sign" aria-hidden="true">{SIGNS[level]}</span>
      <span>
        <strong>{sentence}</strong>
        {detail === undefined ? "" : <span class="detail">{detail}</span>}
      </span>
    </p>
  );
}

/** A short text with a sign, coloured by its level. */
export function Tag(
  { level, sign, children }: { readonly level: string; readonly sign: string; readonly children?: unknown },
) {
  return (
    <span class={`tag ${level}`}>
      <span aria-hidden="true">{sign}</span> {children}
    </span>
  );
}

export interface RegionProps {
  readonly id: string;
  readonly title: string;
  readonly class?: string;
  readonly children?: Child;
}

/** A section of a page, which the server sends again whenever it changes. */
export function Region({ id, title, class: more = "", children }: RegionProps) {
  return (
    <section id={id} class={`card ${more}`.trim()} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}

/** A container in which a wide table scrolls sideways, by keyboard too. */
export function Scroll({ label, children }: { readonly label: string; readonly children?: Child }) {
  return <div class="scroll" role="group" aria-label={label} tabindex={0}>{children}</div>;
}

/** Between two words of a name such as `egressNodeName` or `collector_unavailable`. */
const WORD_ENDS = /(?<=[a-z0-9])(?=[A-Z])|(?<=[_./])/;

/** A name that breaks between its words where a line is too short for it. */
export function Name({ name }: { readonly name: string }) {
  return <>{name.split(WORD_ENDS).map((word, index) => <>{index === 0 ? "" : <wbr />}{word}</>)}</>;
}

/** A table of counts, the largest first. */
export function Counts({ rows, head, empty }: {
  readonly rows: Iterable<readonly [what: string, amount: number]>;
  readonly head: readonly [what: string, amount: string];
  readonly empty: string;
}) {
  const sorted = [...rows].filter(([, amount]) => amount > 0).sort(([, one], [, other]) => other - one);
  if (sorted.length === 0) return <p class="none">{empty}</p>;
  return (
    <table class="counts">
      <thead>
        <tr>
          <th scope="col">{head[0]}</th>
          <th scope="col" class="number">{head[1]}</th>
        </tr>
      </thead>
      <tbody>
        {sorted.map(([what, amount]) => (
          <tr>
            <th scope="row">
              <Name name={what} />
            </th>
            <td class="number">{number(amount)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Names with their values. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: Child])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const EVENT_SIGNS: Readonly<Record<string, string>> = { warning: "▲ ", error: "✕ " };

/** The last events, newest first. */
export function Events({ events, empty = "Nothing has happened since the proxy started." }: {
  readonly events: readonly RecentEvent[];
  readonly empty?: string;
}) {
  if (events.length === 0) return <p class="none">{empty}</p>;
  return (
    <ol class="events">
      {events.map((event) => (
        <li class={levelOf(event)} data-key={String(event.sequence)}>
          <time datetime={event.time.toISOString()}>{event.time.toISOString().slice(11, 19)}</time>
          <code>{`${EVENT_SIGNS[levelOf(event)] ?? ""}${event.event}`}</code>
          <span class="what">
            {event.message}
            {event.session === undefined ? "" : <SessionLink id={event.session} />}
          </span>
        </li>
      ))}
    </ol>
  );
}

function SessionLink({ id }: { readonly id: string }) {
  return (
    <>
      {" "}
      <a href={sessionPath(id)}>session {id}</a>
    </>
  );
}

/** Returns the path of a session's page. */
export function sessionPath(id: string): string {
  return `/sessions/${encodeURIComponent(id)}`;
}

function levelOf({ level }: RecentEvent): string {
  return level === "warning" || level === "error" ? level : "info";
}
