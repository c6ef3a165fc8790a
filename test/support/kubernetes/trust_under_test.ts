/** An {@link AggregatorTrust} against a Kubernetes API that runs in the test. */
import assert from "node:assert/strict";
import type { ApiAccess } from "../../../src/kubernetes/api/access.ts";
import { KubernetesClient } from "../../../src/kubernetes/api/client.ts";
import { AggregatorTrust } from "../../../src/kubernetes/trust/aggregator_trust.ts";
import type { ProxyEvent } from "../../../src/proxy/reporting/proxy_event.ts";
import type { Clock } from "../../../src/proxy/time/clock.ts";
import {
  type AggregatorCertificates,
  aggregatorObjectsOf,
  BUNDLE_PATH,
  NAMESPACE,
  shakeHands,
} from "./aggregator_trust.ts";
import { hastyClock } from "../time/hasty_clock.ts";
import { until } from "../time/until.ts";
import type { FakeApiServer } from "./kubernetes_api.ts";

export const FAST = hastyClock(1 / 10);

export class TrustUnderTest implements AsyncDisposable {
  readonly events: ProxyEvent[] = [];
  readonly client: KubernetesClient;
  readonly trust: AggregatorTrust;

  constructor(
    readonly server: FakeApiServer,
    options: { ownCaSecret?: string; name?: string; clock?: Clock; access?: ApiAccess } = {},
  ) {
    const { clock = FAST, name = "proxy", access = server.access(), ...rest } = options;
    this.client = new KubernetesClient({ access, clock });
    const report = (event: ProxyEvent) => this.events.push(event);
    this.trust = new AggregatorTrust({ client: this.client, clock, report, namespace: NAMESPACE, name, ...rest });
  }

  messages(event: string): string[] {
    return this.events.filter((each) => each.event === event).map(({ message }) => message);
  }

  get bundle(): string {
    return this.server.object(BUNDLE_PATH)?.data?.["ca.crt"] ?? "";
  }

  /** An Agent that reads ConfigMap and Secret now, as it does at each connect. */
  agent(certificates: AggregatorCertificates): Promise<string> {
    return shakeHands(this.trust.listener.material, { ...certificates.client, ca: this.bundle, certificates: [] });
  }

  until(isSo: () => boolean, what = isSo.toString()): Promise<void> {
    return until(() => `${what}: ${JSON.stringify(this.events.map(({ message }) => message), null, 1)}`, isSo);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.trust[Symbol.asyncDispose]();
    this.client[Symbol.dispose]();
    assert.ok(!JSON.stringify(this.events).includes("PRIVATE KEY"), "no key is ever reported");
  }
}

/** Writes the objects that an Aggregator writes when its process starts. */
export function startAggregator(
  server: FakeApiServer,
  certificates: AggregatorCertificates,
  withAuthority = false,
): void {
  for (const [path, object] of aggregatorObjectsOf(certificates, withAuthority)) server.put(path, object);
}

export function countCertificates(bundle: string): number {
  return bundle.split("-----BEGIN CERTIFICATE-----").length - 1;
}
