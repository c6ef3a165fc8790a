import { candidateStepText } from "../../view/candidate_step.ts";
import type { AdminView, CollectorView } from "../../view/view.ts";
import { Facts, Region, Tag } from "../parts.tsx";
import { count, duration, number } from "../format.ts";

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

/** What it is taken for, where that is found out by its `candidates`. */
function candidates({ candidates }: CollectorView): (readonly [name: string, value: string])[] {
  if (candidates === undefined) return [];
  const { profiles, lastStep: step } = candidates;
  const last = step === undefined
    ? ""
    : `; ${candidateStepText({ ...step, from: step.from.profile, to: step.to.profile })}`;
  return [["Candidates", `${profiles.join(", ")}${last}`]];
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
          ...candidates(collector),
          ["Decoder", dialect],
        ]}
      />
    </>
  );
}

/** What was counted of all collectors together. */
function counts(view: AdminView): (readonly [name: string, value: string])[] {
  const { reconnects, connections, replayedTemplates, recordsPossiblyLost } = view.collector;
  return [
    ["Reconnects", number(reconnects)],
    ["Connections", [...connections].map(([outcome, many]) => `${outcome} ${number(many)}`).join(", ") || "none"],
    ["Templates sent again", number(replayedTemplates)],
    ["Possibly lost", count(recordsPossiblyLost, "record")],
  ];
}

/** The state of each collector, as seen by all its sessions together. */
export function Collector({ view, now }: { readonly view: AdminView; readonly now: Date }) {
  const { collector, otherCollectors: others = [] } = view;
  const uptime = ["Proxy uptime", duration(now.getTime() - view.startedAt.getTime())] as const;
  return (
    <Region id="collector" title="Collector">
      <State collector={collector} now={now} />
      <Facts
        facts={[
          ["Address", <code>{collector.address}</code>],
          ["Expects", expects(collector)],
          ...candidates(collector),
          ["Decoder", collector.dialect],
          ...(others.length === 0 ? counts(view) : []),
          uptime,
        ]}
      />
      {others.map((other) => <Other collector={other} now={now} />)}
      {others.length === 0 ? "" : (
        <>
          <h3>All collectors together</h3>
          <Facts facts={counts(view)} />
        </>
      )}
    </Region>
  );
}
