import type { AdminView, CollectorView } from "../../view/view.ts";
import { duration, Facts, Region, Tag } from "../parts.tsx";
import { count, number } from "../trouble.ts";

function State({ up, state }: Pick<CollectorView, "up" | "state">) {
  const level = up ? "good" : state === "idle" ? "notice" : "bad";
  return <Tag level={level} sign={up ? "✓" : state === "idle" ? "●" : "✕"}>{state}</Tag>;
}

/** A collector that only some sessions have. */
function Other({ collector, now }: { readonly collector: CollectorView; readonly now: Date }) {
  const { address, state, up, since, reason, profile, nextProfile, dialect, sessions = 0, rules = [] } = collector;
  return (
    <>
      <p>
        <State up={up} state={state} />
        {` for ${duration(now.getTime() - since.getTime())}`}
        {reason === undefined ? "" : `: ${reason}`}
      </p>
      <Facts
        facts={[
          ["Address", <code>{address}</code>],
          ["By", rules.join(", ")],
          ["Sessions", number(sessions)],
          ["Expects", nextProfile === undefined ? profile : `${profile}; ${nextProfile} once it has restarted`],
          ["Decoder", dialect],
        ]}
      />
    </>
  );
}

/** The collector's state, as seen by all sessions together. */
export function Collector({ view, now }: { readonly view: AdminView; readonly now: Date }) {
  const { address, state, up, since, reason, profile, nextProfile, dialect } = view.collector;
  const { reconnects, connections, replayedTemplates, recordsPossiblyLost } = view.collector;
  return (
    <Region id="collector" title="Collector">
      <p>
        <State up={up} state={state} />
        {` for ${duration(now.getTime() - since.getTime())}`}
        {reason === undefined ? "" : `: ${reason}`}
      </p>
      <Facts
        facts={[
          ["Address", <code>{address}</code>],
          ["Expects", nextProfile === undefined ? profile : `${profile}; ${nextProfile} once it has restarted`],
          ["Decoder", dialect],
          ["Reconnects", number(reconnects)],
          ["Connections", [...connections].map(([outcome, many]) => `${outcome} ${number(many)}`).join(", ") || "none"],
          ["Templates sent again", number(replayedTemplates)],
          ["Possibly lost", count(recordsPossiblyLost, "record")],
          ["Proxy uptime", duration(now.getTime() - view.startedAt.getTime())],
        ]}
      />
      {(view.otherCollectors ?? []).map((other) => <Other collector={other} now={now} />)}
    </Region>
  );
}
