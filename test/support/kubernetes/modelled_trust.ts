/** An {@link AggregatorTrust} against a {@link KubernetesModel}, whose steps the test takes one by one. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { AggregatorTrust, type TrustOptions } from "../../../src/kubernetes/trust/aggregator_trust.ts";
import { aggregatorObjects } from "../../../src/kubernetes/trust/aggregator_objects.ts";
import { isOwn, readableCertificates } from "../../../src/kubernetes/trust/certificate_bundle.ts";
import type { ProxyEvent } from "../../../src/proxy/reporting/proxy_event.ts";
import { type AggregatorCertificates, NAMESPACE } from "./aggregator_trust.ts";
import { KubernetesModel, type ModelRequest, type ModelWatch } from "./kubernetes_model.ts";
import { StandingClock } from "../time/standing_clock.ts";

export const OBJECTS = aggregatorObjects(NAMESPACE);

/** Certificates are made and checked outside the thread: how many of these calls are under way. */
let underWay = 0;
for (const name of ["generateKey", "exportKey", "importKey", "sign", "digest", "verify"] as const) {
  const original = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
  Object.defineProperty(crypto.subtle, name, {
    value: (...args: unknown[]) => {
      underWay++;
      return original(...args).finally(() => underWay--);
    },
  });
}

/** Stands still at today's date. */
class TodaysClock extends StandingClock {
  readonly #start = Date.now();

  override date(): Date {
    return new Date(this.#start + this.now());
  }
}

export class ModelledTrust implements AsyncDisposable {
  readonly clock: StandingClock = new TodaysClock();
  readonly events: ProxyEvent[] = [];
  readonly trust: AggregatorTrust;

  /** @param model may be that of other proxies too */
  constructor(options: Partial<TrustOptions> = {}, readonly model = new KubernetesModel()) {
    this.trust = new AggregatorTrust({
      client: model.calls,
      clock: this.clock,
      report: (event) => this.events.push(event),
      namespace: NAMESPACE,
      name: "proxy",
      ...options,
    });
  }

  /** An Aggregator writes its new CA, as it does at its start. */
  writeBundle({ ca }: AggregatorCertificates, more: Readonly<Record<string, string>> = {}): void {
    this.model.put(OBJECTS.bundle, { data: { "ca.crt": ca.certificate, ...more } });
  }

  /** An Aggregator writes its new client certificate. */
  writeClient({ client: { certificate, key } }: AggregatorCertificates): void {
    this.model.put(OBJECTS.client, { data: { "tls.crt": btoa(certificate), "tls.key": btoa(key) } });
  }

  /** The bundle as it is now. */
  get bundle(): string {
    return this.model.object(OBJECTS.bundle)?.data?.["ca.crt"] ?? "";
  }

  /** How many CAs of proxies it holds. */
  get ownCertificates(): number {
    return readableCertificates(this.bundle).filter(isOwn).length;
  }

  /** Lets the proxy do all that it can do before something arrives or time passes. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      await setImmediate();
      quiet = underWay === 0 ? quiet + 1 : 0;
    }
  }

  /** The only request of this kind that is under way. */
  request(verb: ModelRequest["verb"], kind: string): ModelRequest {
    const [request, ...more] = [...this.model.requests].filter((each) =>
      each.verb === verb && each.target.type.kind === kind
    );
    assert.ok(request !== undefined && more.length === 0, `one ${verb} of a ${kind} is under way`);
    return request;
  }

  /** The watch of the objects of a kind. */
  watch(kind: string): ModelWatch {
    const [watch, ...more] = [...this.model.watches].filter(({ target }) => target.type.kind === kind);
    assert.ok(watch !== undefined && more.length === 0, `one watch of a ${kind} is open`);
    return watch;
  }

  /** Everything takes effect and arrives at once, until nothing is under way any more. Returns the number of steps. */
  async arrive(limit = 200): Promise<number> {
    const { model } = this;
    for (let steps = 0;; steps++) {
      await this.settle();
      const [request] = model.requests;
      const late = [...model.watches].find(({ lags }) => lags);
      if (request === undefined && late === undefined) return steps;
      assert.ok(steps < limit, `it does not come to rest: ${JSON.stringify(model.served.slice(-10))}`);
      if (request !== undefined) request.answer();
      else late?.deliver();
    }
  }

  /** Time passes, in steps of 250 ms in which everything arrives. */
  async pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      await this.clock.advance(250, 250);
      await this.arrive();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ending = this.trust[Symbol.asyncDispose]();
    await this.settle();
    for (const request of [...this.model.requests]) request.break();
    await ending;
    assert.ok(!JSON.stringify(this.events).includes("PRIVATE KEY"), "no key is ever reported");
  }
}
