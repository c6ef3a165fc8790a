import type { ClusterView } from "../../view/view.ts";
import { Facts, Region, Tag } from "../parts.tsx";
import { clock, number } from "../format.ts";

/** What the proxy has of its cluster. */
export function Cluster({ cluster }: { readonly cluster: ClusterView }) {
  const { trust, aggregator, agents, waitingFor, problems } = cluster;
  const lines = [...problems, ...trust?.polling ?? [], ...trust?.otherProxies ?? []];
  const good = waitingFor === "" && problems.length === 0;
  return (
    <Region id="cluster" title="Cluster">
      <p>
        <Tag level={good ? "good" : waitingFor === "" ? "warning" : "bad"} sign={good ? "✓" : "▲"}>
          {waitingFor !== ""
            ? `waiting for ${waitingFor}`
            : good
            ? "nothing is missing"
            : "the last good state stays in force"}
        </Tag>
      </p>
      {lines.length === 0 ? "" : <ul>{lines.map((line) => <li>{line}</li>)}</ul>}
      <Facts
        facts={[
          ...(trust === undefined
            ? []
            : [["Trust", trust.mode ?? "not decided yet"], ["CAs", authorities(trust)]] as const),
          ...(aggregator === undefined ? [] : [["Aggregator", release(aggregator)]] as const),
          [
            "Agents",
            Object.entries(agents).map(([each, many]) => `${number(many)} of ${each}`).join(", ") || "none known",
          ],
        ]}
      />
    </Region>
  );
}

function authorities({ authorities }: NonNullable<ClusterView["trust"]>): string {
  if (authorities.length === 0) return "none yet";
  return authorities.map(({ subject, expiresAt, ended }) =>
    `${subject} (${ended ? "ended" : "until"} ${clock(expiresAt)})`
  )
    .join(", ");
}

function release({ release, next, reason }: NonNullable<ClusterView["aggregator"]>): string {
  if (release === undefined) return reason ?? "not known";
  return next === undefined ? release : `${release}, then ${next}`;
}
