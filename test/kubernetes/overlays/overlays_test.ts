/** Every combination of the components of config/kubernetes over the manifests that Antrea publishes. */
import assert from "node:assert/strict";
import { kustomize } from "./kustomize.ts";
import { at, type Container, deployment, endpoints, grants, type Objects, parseObjects } from "./objects.ts";
import { GO, toolTest } from "../../support/processes/tool_test_case.ts";
import { UPSTREAM } from "./upstream.ts";

const OURS = "ipfix-skew-proxy";
const PART_OF = "app.kubernetes.io/part-of";
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";
const PLACES = ["sidecar", "sidecar-container", "gateway"] as const;
type Place = typeof PLACES[number];
const REDIRECTS = {
  sidecar: [[], ["redirect"], ["redirect-udp"], ["redirect", "redirect-udp"], ["redirect-grpc"], [
    "redirect-grpc",
    "redirect-udp",
  ], [
    "redirect",
    "restore",
  ]],
  gateway: [[], ["redirect-gateway"], ["redirect-gateway", "restore"], ["redirect-gateway", "redirect-udp"]],
};
const OPTIONAL = [[], ["monitoring"], ["network-policy"], ["access-mint", "monitoring", "network-policy"]];

interface Combination {
  readonly place: Place;
  readonly redirects: readonly string[];
  readonly optional: readonly string[];
}

const COMBINATIONS: readonly Combination[] = PLACES.flatMap((place) =>
  REDIRECTS[place === "gateway" ? "gateway" : "sidecar"].flatMap((redirects) =>
    OPTIONAL.map((optional) => ({ place, redirects, optional }))
  )
);

for (const { release, text } of UPSTREAM) {
  toolTest(GO, `overlays over Flow Aggregator ${release}`, async () => {
    const original = parseObjects(await kustomize(text, []));
    for (const combination of COMBINATIONS) {
      const components = [combination.place, ...combination.redirects, ...combination.optional];
      const objects = parseObjects(await kustomize(text, components));
      try {
        check(original, objects, combination);
      } catch (error) {
        throw new Error(components.join(" + "), { cause: error });
      }
    }
  });
}

function check(original: Objects, objects: Objects, combination: Combination): void {
  checkOut(original, objects, combination);
  if (combination.place === "gateway") checkGateway(objects);
  else checkSidecar(objects, combination.place);
  checkAccess(original, objects, combination);
  checkWays(original, objects, combination);
  checkOptional(objects, combination);
}

/**
 * Without what the overlay adds, each object of upstream is as it was, to the octet; whatever else is there can be
 * found by its label.
 */
function checkOut(original: Objects, objects: Objects, { redirects }: Combination): void {
  for (const [key, before] of original) {
    const after = objects.get(key) ?? assert.fail(`${key} is gone`);
    const [one, other] = [structuredClone(after), structuredClone(before)];
    if (key === "Deployment flow-aggregator/flow-aggregator") takeOut(one, other);
    if (key === "Service flow-aggregator/flow-aggregator" && redirects.length > 0) {
      // Up to v2.3 there is no port for gRPC.
      if (redirectsGrpc(redirects) && at(other, "spec.ports.2") === undefined) Object(at(one, "spec.ports")).pop();
      [one, other].forEach(forgetWays);
    }
    assert.equal(JSON.stringify(one), JSON.stringify(other), key);
  }
  for (const [key, { metadata }] of objects) {
    if (original.has(key)) continue;
    assert.equal(metadata.labels?.[PART_OF], OURS, `${key} cannot be found by its label`);
    assert.equal(metadata.namespace ?? "flow-aggregator", "flow-aggregator", key);
  }
}

/** Takes what a sidecar adds out of the Deployment. Nothing else may differ then. */
function takeOut(after: object, before: object): void {
  const metadata = at(after, "spec.template.metadata");
  Reflect.deleteProperty(Object(at(metadata, "labels")), PART_OF);
  const annotations = Object(at(metadata, "annotations"));
  Reflect.deleteProperty(annotations, DEFAULT_CONTAINER);
  if (at(before, "spec.template.metadata.annotations") === undefined && Object.keys(annotations).length === 0) {
    Reflect.deleteProperty(Object(metadata), "annotations");
  }
  const pod = Object(at(after, "spec.template.spec"));
  if (at(pod, "initContainers.0.name") === OURS && at(pod, "initContainers.1") === undefined) {
    Reflect.deleteProperty(pod, "initContainers");
  }
  for (const list of ["containers", "volumes"]) {
    Reflect.set(pod, list, Array.from(pod[list]).filter((each) => at(each, "name") !== OURS));
  }
  Reflect.deleteProperty(Object(at(pod, "containers.0")), "lifecycle");
}

/** Where a Service goes: what redirects are there for. */
function forgetWays(service: object): void {
  const spec = Object(at(service, "spec"));
  for (const port of spec.ports) Reflect.deleteProperty(port, "targetPort");
  Reflect.deleteProperty(spec, "selector");
  Reflect.deleteProperty(spec, "sessionAffinity");
}

function redirectsGrpc(redirects: readonly string[]): boolean {
  return redirects.includes("redirect-grpc") || redirects.includes("redirect-gateway");
}

function checkSidecar(objects: Objects, place: Place): void {
  const { template } = deployment(objects, "flow-aggregator").spec;
  const { containers, initContainers = [] } = template.spec;
  assert.equal(template.metadata.annotations?.[DEFAULT_CONTAINER], "flow-aggregator");
  assert.equal(template.metadata.labels[PART_OF], OURS);
  const native = place === "sidecar";
  assert.deepEqual(initContainers.map(({ name }) => name), native ? [OURS] : []);
  assert.deepEqual(containers.map(({ name }) => name), native ? ["flow-aggregator"] : ["flow-aggregator", OURS]);
  const proxy = (native ? initContainers[0] : containers[1]) ?? assert.fail();
  assert.equal(proxy.restartPolicy, native ? "Always" : undefined);
  // The Aggregator outlives the proxy's drain: hooks of all containers run at once.
  const waits = native ? { sleep: { seconds: 5 } } : { exec: { command: ["sleep", "5"] } };
  assert.deepEqual(at(containers[0], "lifecycle.preStop"), waits);
  const drain = at(proxy, "lifecycle.preStop.exec.command");
  assert.ok(Array.isArray(drain) && drain.at(-1) === "drain");
  checkContainer(objects, proxy, template.spec.volumes, "127.0.0.1:4739", "grpc-proxy");
  assert.equal(template.spec.serviceAccountName, "flow-aggregator");
}

function checkGateway(objects: Objects): void {
  const aggregator = deployment(objects, "flow-aggregator").spec;
  assert.equal(aggregator.template.metadata.labels[PART_OF], undefined, "a gateway restarts no Aggregator");
  const gateway = deployment(objects, OURS).spec;
  const { containers, volumes, serviceAccountName } = gateway.template.spec;
  for (const [name, value] of Object.entries(aggregator.selector.matchLabels)) {
    assert.notEqual(gateway.template.metadata.labels[name], value, "the Aggregator's selectors find the gateway");
  }
  for (const [name, value] of Object.entries(gateway.selector.matchLabels)) {
    assert.equal(gateway.template.metadata.labels[name], value);
  }
  assert.equal(gateway.replicas, 1);
  assert.deepEqual(gateway.strategy, { type: "Recreate" });
  assert.equal(serviceAccountName, OURS);
  assert.ok(objects.has(`ServiceAccount flow-aggregator/${OURS}`));
  const upstream = "flow-aggregator-upstream.flow-aggregator.svc:4739";
  checkContainer(objects, containers[0] ?? assert.fail(), volumes, upstream, "grpc");
  for (const protocol of ["TCP", "UDP"]) {
    assert.deepEqual(endpoints(objects, "flow-aggregator-upstream", 4739, protocol), ["flow-aggregator 4739"]);
  }
}

/** What holds for the proxy's container wherever it runs. */
function checkContainer(
  objects: Objects,
  container: Container,
  volumes: readonly Readonly<Record<string, unknown>>[],
  collector: string,
  grpc: string,
): void {
  assert.deepEqual(
    container.ports.map(({ name, containerPort, protocol }) => `${name} ${containerPort} ${protocol}`),
    ["ipfix-proxy 24739 TCP", "ipfix-proxy-udp 24739 UDP", `${grpc} 24740 TCP`, "proxy-admin 24780 TCP"],
  );
  for (const probe of ["startupProbe", "livenessProbe"]) {
    assert.deepEqual(at(container, `${probe}.httpGet`), { path: "/live", port: "proxy-admin" }, probe);
  }
  assert.deepEqual(at(container, "readinessProbe.httpGet"), { path: "/ready", port: "proxy-admin" });
  assert.deepEqual(container.resources, {
    requests: { cpu: "100m", memory: "160Mi" },
    limits: { memory: "512Mi" },
  });
  assert.deepEqual(container.securityContext, {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  });
  // Its configuration, and nothing else, by the name that the ConfigMap has.
  assert.deepEqual(container.volumeMounts.map(({ name, mountPath, readOnly }) => [name, mountPath, readOnly]), [
    [OURS, "/etc/ipfix-skew-proxy", true],
  ]);
  const name = at(volumes.find((volume) => volume.name === OURS), "configMap.name");
  assert.match(String(name), /^ipfix-skew-proxy-[a-z0-9]{10}$/);
  const configuration = at(objects.get(`ConfigMap flow-aggregator/${name}`), "data");
  assert.ok(String(Object(configuration)["proxy.yaml"]).includes(`address: ${collector}\n`));
}

const ACCESS = [
  ...["get", "list", "update", "watch"].map((verb) => `${verb} configmaps flow-aggregator-ca in flow-aggregator`),
  ...["get", "list", "watch"].flatMap((verb) => [
    `${verb} crd.antrea.io/antreaagentinfos * everywhere`,
    `${verb} pods * in flow-aggregator`,
    `${verb} secrets flow-aggregator-client-tls in flow-aggregator`,
  ]),
];
const MINT_ACCESS = ["get", "list", "watch"].map((verb) => `${verb} secrets flow-aggregator-ca-tls in flow-aggregator`);

/** Who may read and write what. */
function checkAccess(original: Objects, objects: Objects, { place, optional }: Combination): void {
  const before = grants(original, "flow-aggregator");
  assert.ok(before.length > 0);
  const ours = [...ACCESS, ...optional.includes("access-mint") ? MINT_ACCESS : []];
  const gateway = place === "gateway";
  assert.deepEqual(grants(objects, OURS), gateway ? ours.toSorted() : []);
  assert.deepEqual(grants(objects, "flow-aggregator"), gateway ? before : [...new Set([...before, ...ours])].sort());
  // The Agents' own roles name other accounts, and stay.
  assert.deepEqual(grants(objects, "antrea-agent"), grants(original, "antrea-agent"));
}

/** Where connections to Service flow-aggregator go. */
function checkWays(original: Objects, objects: Objects, { place, redirects }: Combination): void {
  const ways = (protocol: string) => endpoints(objects, "flow-aggregator", 4739, protocol);
  const restored = redirects.includes("restore");
  const proxy = place === "gateway" ? OURS : "flow-aggregator";
  const byTcp = !restored && (redirects.includes("redirect") || redirectsGrpc(redirects));
  const byUdp = !restored && (redirects.includes("redirect-udp") || redirects.includes("redirect-gateway"));
  assert.deepEqual(ways("TCP"), byTcp ? [`${proxy} 24739`] : ["flow-aggregator 4739"]);
  assert.deepEqual(ways("UDP"), byUdp ? [`${proxy} 24739`] : ["flow-aggregator 4739"]);
  // With gRPC to the proxy the port is there whatever the Aggregator's release is; else it goes to an Aggregator that
  // serves it.
  const byGrpc = !restored && redirectsGrpc(redirects);
  const served = endpoints(original, "flow-aggregator", 14739, "TCP");
  assert.deepEqual(endpoints(objects, "flow-aggregator", 14739, "TCP"), byGrpc ? [`${proxy} 24740`] : served);
  const affinity = at(objects.get("Service flow-aggregator/flow-aggregator"), "spec.sessionAffinity");
  assert.equal(affinity, restored ? "None" : redirects.includes("redirect-udp") ? "ClientIP" : undefined);
}

function checkOptional(objects: Objects, { place, optional }: Combination): void {
  const monitored = optional.includes("monitoring");
  const monitor = objects.get(`PodMonitor flow-aggregator/${OURS}`);
  assert.equal(monitor !== undefined, monitored);
  assert.equal(objects.has(`PrometheusRule flow-aggregator/${OURS}`), monitored);
  assert.equal(objects.has(`ConfigMap flow-aggregator/${OURS}-dashboard`), monitored);
  const policy = objects.get(`NetworkPolicy flow-aggregator/${OURS}`);
  assert.equal(policy !== undefined, optional.includes("network-policy"));
  const { labels } = deployment(objects, place === "gateway" ? OURS : "flow-aggregator").spec.template.metadata;
  for (const selector of [at(monitor, "spec.selector"), at(policy, "spec.podSelector")]) {
    for (const [name, value] of Object.entries(Object(at(selector, "matchLabels")))) {
      assert.equal(labels[name], value, "the selector misses the proxy's Pod");
    }
  }
  if (policy === undefined) return;
  // Every port but the admin server's is open to all.
  const open = (protocol: string, port: number, from: boolean) =>
    Array.from(Object(at(policy, "spec.ingress"))).some((rule) =>
      (at(rule, "from") === undefined) === from &&
      Array.from(Object(at(rule, "ports"))).some((range) =>
        at(range, "protocol") === protocol && Number(at(range, "port")) <= port &&
        port <= Number(at(range, "endPort") ?? at(range, "port"))
      )
    );
  for (const port of [4739, 10348, 14739, 14740, 24739]) assert.ok(open("TCP", port, true), String(port));
  for (const port of [4739, 24739]) assert.ok(open("UDP", port, true), String(port));
  assert.ok(!open("TCP", 24780, true) && open("TCP", 24780, false));
}
