import type { AdminView, CollectorView } from "../../view/view.ts";
import { duration, Facts, Region, Tag } from "../parts.tsx";
import { count, number } from "../trouble.ts";

interface CollectorProps {
  readonly collector: CollectorView;
  readonly now: Date;
}

/** Its state, since when, and why. */
function State({ collector: { up, state, since, reason }, now }: CollectorProps) {
  const level = up ? "good" : state === "idle" ? "notice" : "bad";
  return (
    <p>
      <Tag level={level} sign={up ? "✓" : state === "idle" ? "●" : "✕"}>{state}</Tag>
      {` for ${duration(now.getTime() - since.getTime())}`}
      {reason === undefined ? "" : `: ${reason}`}
    </p>
  );
}

/** What it is expected to be, now and after its next restart. */
function expects({ profile, nextProfile }: CollectorView): string {
  return nextProfile === undefined ? profile : `${profile}; ${nextProfile} once it has restarted`;
}

/** A collector that only some sessions have. */
function Other({ collector, now }: CollectorProps) {
  const { address, dialect, sessions = 0, rules = [] } = collector;
  return (
    <>
      <State collector={collector} now={now} />
      <Facts
        facts={[
          ["Address", <code>{address}</code>],
          ["By", rules.join(", ")],
          ["Sessions", number(sessions)],
          ["Expects", expects(collector)],
          ["Decoder", dialect],
        ]}
      />
    </>
  );
}

/** The collector's state, as seen by all sessions together. */
export function Collector({ view, now }: { readonly view: AdminView; readonly now: Date }) {
  const { address, dialect, reconnects, connections, replayedTemplates, recordsPossiblyLost } = view.collector;
  return (
    <Region id="collector" title="Collector">
      <State collector={view.collector} now={now} />
      <Facts
        facts={[
          ["Address", <code>{address}</code>],
          ["Expects", expects(view.collector)],
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
