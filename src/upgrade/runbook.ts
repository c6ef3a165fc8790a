import { usesGrpc } from "../config/profiles/antrea_releases.ts";
import type { Upgrade } from "./upgrade.ts";

/** One step of an upgrade. */
export interface Step {
  readonly title: string;
  /** Shell commands, in order, run in a checkout of this program. */
  readonly commands: readonly string[];
  /** What to look at before the next step. */
  readonly look: readonly string[];
  /** How to go back from here. */
  readonly back: readonly string[];
}

/** An upgrade as an operator walks it. */
export interface Runbook {
  readonly upgrade: Upgrade;
  /** What to know before beginning. */
  readonly notes: readonly string[];
  readonly steps: readonly Step[];
}

const NAMESPACE = "kubectl -n flow-aggregator";
const OVERLAY = "config/kubernetes/upgrade";
const LABEL = "-l app.kubernetes.io/part-of=ipfix-skew-proxy";
const APPLY = "kubectl apply --server-side --force-conflicts";

/** The steps for one upgrade, with the proxy where it is needed. */
export function runbook(upgrade: Upgrade): Runbook {
  const { order, needed } = upgrade;
  const sides = order === "agents-first" ? [agents, aggregator] : [aggregator, agents];
  const steps = [
    save(needed),
    ...(needed ? [putIn(upgrade), redirect(upgrade)] : []),
    ...sides.map((side) => side(upgrade)),
    ...(needed ? [wait(), takeOut(upgrade)] : []),
  ];
  return { upgrade, notes: notes(upgrade), steps };
}

function notes(upgrade: Upgrade): string[] {
  const { from, to, between, needed, oneProxy, servesGrpc, hasDestinations, newRecordKinds, distance } = upgrade;
  const { stripped, padded, lost } = between.proxied;
  const through = [
    ...(stripped.length > 0 ? [`strips ${stripped.join(", ")}`] : []),
    ...(padded.length > 0 ? [`pads ${padded.join(", ")}`] : []),
  ];
  return [
    ...upgrade.assumed.map(({ release, as, isMajor }) =>
      `${release} is newer than every release that this version knows: it is treated as ${as}.` +
      (isMajor && needed
        ? ` The proxy itself guesses nothing for another major version: name collector.fallbackProfile antrea/${
          as.replace(/\.\d+$/, "")
        } in the overlay's proxy.yaml, once its release notes say that flow export is the same.`
        : "")
    ),
    ...(distance > 4
      ? [`Antrea does not support releases ${distance} minor releases apart: expect more than flows to break.`]
      : []),
    ...(needed && through.length > 0 ? [`On the way the proxy ${through.join(" and ")}.`] : []),
    ...(needed && lost.length > 0 ? [`Lost until both sides are upgraded: ${lost.join(", ")}.`] : []),
    ...(needed && oneProxy
      ? [
        "An Aggregator up to v2.2 keeps one layout for each template id over all its sessions: one proxy stands before it, never two.",
      ]
      : []),
    ...(needed
      ? [
        "One proxy holds 2,500 Agents over TLS or gRPC; for more, set limits.memory to 900MiB in the overlay's proxy.yaml, " +
        "and the memory limit of its container to 1152Mi.",
      ]
      : []),
    ...(servesGrpc
      ? [
        `Agents from v2.4 on export by gRPC to port 14739. The proxy serves it until the Aggregator does: no Agent needs to be pinned to IPFIX ` +
        "(flowCollectorAddr), and Agents that are pinned come to the proxy as well.",
        ...(between.direct.outcome === "broken" ? [] : [
          `Without a proxy, pin the Agents to IPFIX until the Aggregator is ${to.line}: ` +
          'flowCollectorAddr: "flow-aggregator/flow-aggregator:4739:tls".',
        ]),
      ]
      : []),
    ...(upgrade.order === "aggregator-first" && usesGrpc(to) && !usesGrpc(from)
      ? [
        `An Aggregator ${to.line} takes the IPFIX of Agents ${from.line} beside gRPC, unless its aggregatorTransportProtocol is none: ` +
        "then a proxy hands it on by gRPC (collector.transport: grpc).",
      ]
      : []),
    ...(needed && hasDestinations
      ? [
        `Agents ${to.line} can also be pointed at the proxy by a FlowExporterDestination (crd.antrea.io/v1alpha1) instead of the Service: ` +
        "its address, protocol (ipfix or grpc) and tlsConfig. They do not restart for it. It holds for the Agents of all nodes: there is no node selector.",
      ]
      : []),
    ...(newRecordKinds
      ? [
        `Agents ${to.line} send external flows seen at the Pod's node as inter-node flows. An Aggregator ${from.line} waits for the other half and ` +
        "drops them, with or without a proxy, until it is upgraded.",
      ]
      : []),
  ];
}

function save(needed: boolean): Step {
  return {
    title: "Save what is there",
    commands: [
      `${NAMESPACE} get deployment,service,configmap,role,rolebinding -o yaml > flow-aggregator-before.yaml`,
      "kubectl -n kube-system get configmap -l app=antrea -o yaml > antrea-config-before.yaml",
    ],
    look: [
      "flow-aggregator.yml, the manifest that is installed, is at hand: it is the way out",
      ...(needed
        ? [
          `${OVERLAY}/kustomization.yaml says under images where the cluster finds the proxy's image, which config/container builds`,
        ]
        : []),
    ],
    back: [],
  };
}

function putIn(upgrade: Upgrade): Step {
  const { overlay, from, trust, to } = upgrade;
  const gateway = overlay === "gateway";
  const mints = gateway && trust.includes("mint");
  const deployment = gateway ? "ipfix-skew-proxy" : "flow-aggregator";
  return {
    title: `Put the proxy in (${overlay})`,
    commands: [
      `cp flow-aggregator.yml ${OVERLAY}/flow-aggregator.yml # the manifest that is installed`,
      ...(gateway ? [edit("- ../sidecar ", "- ../gateway ")] : []),
      ...(mints ? [edit("# - ../access-mint ", "- ../access-mint ")] : []),
      `${APPLY} -k ${OVERLAY}`,
      `${NAMESPACE} rollout status deployment/${deployment}`,
      forward(deployment),
      "deno task status",
    ],
    look: [
      `${OVERLAY}/kustomization.yaml has the component ../${overlay}${mints ? " and ../access-mint" : ""}`,
      `collector: connected, profile antrea/${
        from.release.replace(/\.\d+$/, "")
      } (profile: auto takes it from the Aggregator's image)`,
      `trust: ${trust[0]}${
        trust[0] === trust[1] ? "" : `, ${trust[1]} once the Aggregator is ${to.release}`
      } (tls.mode: auto)`,
    ],
    back: takeOut(upgrade).commands,
  };
}

/** The admin side on this machine, until the Pod is replaced. */
function forward(deployment: string): string {
  return `${NAMESPACE} port-forward deployment/${deployment} 24780:24780 & sleep 3`;
}

/** A change of the overlay, in place. */
function edit(from: string, to: string): string {
  return `sed -i 's|${from}|${to}|' ${OVERLAY}/kustomization.yaml`;
}

function redirect({ overlay, servesGrpc }: Upgrade): Step {
  const component = overlay === "gateway" ? "redirect-gateway" : servesGrpc ? "redirect-grpc" : "redirect";
  return {
    title: "Turn the Service to the proxy",
    commands: [
      edit("# - ../redirect ", `- ../${component} `),
      `${APPLY} -k ${OVERLAY}`,
      "kubectl -n kube-system delete pod -l app=antrea,component=antrea-agent --field-selector spec.nodeName=NODE # one node",
      "deno task status",
    ],
    look: [
      `the Service has the proxy's ports${servesGrpc ? ", and port 14739 for gRPC" : ""}`,
      "that Agent has a session, its templates are identical, nothing is dropped; the others stay where they are until they connect again",
    ],
    back: [edit(`- ../${component} `, "# - ../redirect "), `${APPLY} -k ${OVERLAY}`],
  };
}

function agents({ to, from, needed, order }: Upgrade): Step {
  return {
    title: `Upgrade the Agents to ${to.release}`,
    commands: [
      `kubectl apply -f antrea-${to.release}.yml # or helm upgrade, as it was installed`,
      "kubectl -n kube-system rollout status daemonset/antrea-agent",
      ...(needed ? ["deno task status"] : []),
    ],
    look: needed
      ? [
        order === "agents-first"
          ? `sessions of ${to.line} are skewed and rewritten for ${from.line}; no records are dropped`
          : "with each upgraded Agent there is one skewed session fewer; no records are dropped",
      ]
      : ["flows of every node arrive"],
    back: [`kubectl apply -f antrea-${from.release}.yml`],
  };
}

function aggregator({ to, from, needed, overlay, servesGrpc }: Upgrade): Step {
  // The Aggregator serves gRPC itself from then on, with what IPFIX has no elements for.
  const turnsGrpc = overlay === "sidecar" && servesGrpc;
  const commands = needed
    ? [
      ...(turnsGrpc ? [edit("- ../redirect-grpc ", "- ../redirect ")] : []),
      `cp flow-aggregator-${to.release}.yml ${OVERLAY}/flow-aggregator.yml`,
      `${APPLY} -k ${OVERLAY}`,
      `${NAMESPACE} rollout status deployment/flow-aggregator`,
      // With the Aggregator's Pod, the sidecar in it is another one.
      ...(overlay === "sidecar" ? ["kill %% # the port-forward to the old Pod", forward("flow-aggregator")] : []),
      "deno task status",
    ]
    : [
      `${APPLY} -f flow-aggregator-${to.release}.yml`,
      `${NAMESPACE} rollout status deployment/flow-aggregator`,
    ];
  return {
    title: `Upgrade the Flow Aggregator to ${to.release}`,
    commands,
    look: needed
      ? [
        ...(overlay === "sidecar"
          ? [
            `collector: connected, profile antrea/${to.line}`,
            "the sidecar has restarted with the Aggregator: Agents connect to it again within their export interval",
          ]
          : [`collector: connected again, a new epoch with profile antrea/${to.line}`, "Agents keep their sessions"]),
        "what the old Aggregator held in memory is lost, as at any restart of it",
      ]
      : ["flows of every node arrive"],
    back: needed
      ? [
        ...(turnsGrpc ? [edit("- ../redirect ", "- ../redirect-grpc ")] : []),
        `cp flow-aggregator-${from.release}.yml ${OVERLAY}/flow-aggregator.yml`,
        `${APPLY} -k ${OVERLAY}${overlay === "gateway" ? "" : " # restarts the Aggregator once more"}`,
      ]
      : [`${APPLY} -f flow-aggregator-${from.release}.yml`],
  };
}

function wait(): Step {
  return {
    title: "Wait until the proxy can go",
    commands: ["deno task status --wait 30m"],
    look: ["exit status 0: no session needs rewriting any more"],
    back: [],
  };
}

function takeOut({ overlay }: Upgrade): Step {
  const gateway = overlay === "gateway";
  const kinds = gateway ? "service,serviceaccount,configmap,role,rolebinding" : "configmap,role,rolebinding";
  return {
    title: "Take the proxy out",
    commands: [
      `${APPLY} -f ${OVERLAY}/flow-aggregator.yml`,
      ...(gateway
        ? [
          `${NAMESPACE} delete deployment/ipfix-skew-proxy`,
          `${NAMESPACE} wait --for=delete pod -l app=ipfix-skew-proxy --timeout=120s`,
        ]
        : [`${NAMESPACE} rollout status deployment/flow-aggregator`]),
      `${NAMESPACE} delete ${kinds} ${LABEL}`,
      `kubectl delete clusterrole,clusterrolebinding ${LABEL}`,
    ],
    look: [
      "Agents connect to the Aggregator again within their export interval",
      "ConfigMap flow-aggregator-ca holds the Aggregator's CA alone: what is left of the proxy's is taken out by " +
      `deno task restore --config config/kubernetes/${overlay}/proxy.yaml --kubeconfig FILE`,
    ],
    back: [],
  };
}
