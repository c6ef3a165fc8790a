import type { AdminView } from "../../view/view.ts";
import { duration, Facts, Region, Tag } from "../parts.tsx";
import { count, number } from "../trouble.ts";

/** The collector's state, as seen by all sessions together. */
export function Collector({ view, now }: { readonly view: AdminView; readonly now: Date }) {
  const { address, state, up, since, reason, profile, nextProfile, dialect } = view.collector;
  const { reconnects, connections, replayedTemplates, recordsPossiblyLost } = view.collector;
  const level = up ? "good" : state === "idle" ? "notice" : "bad";
  return (
    <Region id="collector" title="Collector">
      <p>
        <Tag level={level} sign={up ? "✓" : state === "idle" ? "●" : "✕"}>{state}</Tag>
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
    </Region>
  );
}
