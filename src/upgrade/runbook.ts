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
    save(),
    ...(upgrade.pinIpfix ? [pin(upgrade)] : []),
    ...(needed ? [putIn(upgrade), redirect(upgrade)] : []),
    ...sides.map((side) => side(upgrade)),
    ...(needed ? [wait(), takeOut(upgrade)] : []),
    ...(upgrade.pinIpfix ? [unpin()] : []),
  ];
  return { upgrade, notes: notes(upgrade), steps };
}

function notes(upgrade: Upgrade): string[] {
  const { from, to, between, needed, oneProxy, hasDestinations, newRecordKinds, distance } = upgrade;
  const { stripped, padded, lost } = between.proxied;
  const through = [
    ...(stripped.length > 0 ? [`strips ${stripped.join(", ")}`] : []),
    ...(padded.length > 0 ? [`pads ${padded.join(", ")}`] : []),
  ];
  return [
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
    ...(upgrade.pinIpfix
      ? [
        `Agents from v2.4 on export by gRPC to port 14739, which an Aggregator ${upgrade.aggregator.line} does not serve: pin them to IPFIX` +
        (needed ? ", or have the proxy serve gRPC (config/kubernetes/redirect-grpc)." : "."),
      ]
      : []),
    ...(hasDestinations
      ? [
        `Agents ${to.line} have FlowExporterDestination (crd.antrea.io/v1alpha1): it points them elsewhere without a restart.`,
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

function save(): Step {
  return {
    title: "Save what is there",
    commands: [
      `${NAMESPACE} get deployment,service,configmap,role,rolebinding -o yaml > flow-aggregator-before.yaml`,
      "kubectl -n kube-system get configmap antrea-config -o yaml > antrea-config-before.yaml",
    ],
    look: ["flow-aggregator.yml, the manifest that is installed, is at hand: it is the way out"],
    back: [],
  };
}

function pin({ to }: Upgrade): Step {
  return {
    title: "Pin the Agents to IPFIX",
    commands: ["kubectl -n kube-system get configmap antrea-config -o yaml | grep -i flowCollectorAddr"],
    look: [
      `in the manifest or values of ${to.release}, antrea-agent.conf says flowCollectorAddr: "flow-aggregator/flow-aggregator:4739:tls" ` +
      "(as aggregatorTransportProtocol says: tls, tcp or udp)",
    ],
    back: [],
  };
}

function putIn(upgrade: Upgrade): Step {
  const { overlay, from, trust, to } = upgrade;
  const gateway = overlay === "gateway";
  const components = [`../${overlay}`, ...(gateway && trust.includes("mint") ? ["../access-mint"] : [])];
  const deployment = gateway ? "ipfix-skew-proxy" : "flow-aggregator";
  return {
    title: `Put the proxy in (${overlay})`,
    commands: [
      `cp flow-aggregator.yml ${OVERLAY}/flow-aggregator.yml # the manifest that is installed`,
      `${APPLY} -k ${OVERLAY}`,
      `${NAMESPACE} rollout status deployment/${deployment}`,
      `${NAMESPACE} port-forward deployment/${deployment} 24780:24780 &`,
      "deno task status",
    ],
    look: [
      `${OVERLAY}/kustomization.yaml has the components ${components.join(", ")}`,
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

function redirect({ overlay }: Upgrade): Step {
  const patch = overlay === "gateway" ? "redirect-gateway" : "redirect";
  return {
    title: "Turn the Service to the proxy",
    commands: [
      `${NAMESPACE} patch service flow-aggregator --type=json --patch-file=config/kubernetes/${patch}/service.yaml`,
      "kubectl -n kube-system delete pod -l app=antrea,component=antrea-agent --field-selector spec.nodeName=NODE # one node",
      "deno task status",
    ],
    look: [
      "that Agent has a session, its templates are identical, nothing is dropped; the others stay where they are until they connect again",
      `${OVERLAY}/kustomization.yaml has ../${patch} from now on`,
    ],
    back: [RESTORE],
  };
}

const RESTORE =
  `${NAMESPACE} patch service flow-aggregator --type=json --patch-file=config/kubernetes/restore/service.yaml`;

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
          : "each Agent that is upgraded leaves one skewed session less; no records are dropped",
      ]
      : ["flows of every node arrive"],
    back: [`kubectl apply -f antrea-${from.release}.yml`],
  };
}

function aggregator({ to, from, needed, overlay }: Upgrade): Step {
  const commands = needed
    ? [
      `cp flow-aggregator-${to.release}.yml ${OVERLAY}/flow-aggregator.yml`,
      `${APPLY} -k ${OVERLAY}`,
      `${NAMESPACE} rollout status deployment/flow-aggregator`,
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
        `collector: connected again, a new epoch with profile antrea/${to.line}`,
        "Agents keep their sessions; what the old Aggregator held in memory is lost, as at any restart of it",
      ]
      : ["flows of every node arrive"],
    back: needed
      ? [
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
      RESTORE,
      ...(gateway ? [`${NAMESPACE} delete deployment/ipfix-skew-proxy --wait`] : []),
      `${APPLY} -f ${OVERLAY}/flow-aggregator.yml`,
      ...(gateway ? [] : [`${NAMESPACE} rollout status deployment/flow-aggregator`]),
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

function unpin(): Step {
  return {
    title: "Let the Agents export by gRPC again",
    commands: [],
    look: [
      "take flowCollectorAddr out of the Agents' configuration where the Aggregator is v2.4 or later; Agents restart for it",
    ],
    back: [],
  };
}
