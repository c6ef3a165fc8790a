/**
 * However requests, answers, watch events, losses of connection and writes of others fall between each other: once everything has
 * arrived, the proxy's view of the cluster is the cluster's, and its own CA is in the bundle once.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { ObjectTarget } from "../../src/kubernetes/api/resource.ts";
import { CertificateAuthority } from "../../src/kubernetes/trust/certificate_authority.ts";
import {
  appendCertificate,
  commonName,
  isOwn,
  readableCertificates,
  withoutCertificates,
} from "../../src/kubernetes/trust/certificate_bundle.ts";
import type { TrustMode } from "../../src/kubernetes/trust/trust_mode.ts";
import type { Issued } from "../support/certificates.ts";
import { type AggregatorCertificates, makeAggregatorCertificates } from "../support/kubernetes/aggregator_trust.ts";
import { KubernetesModel } from "../support/kubernetes/kubernetes_model.ts";
import { ModelledTrust, OBJECTS } from "../support/kubernetes/modelled_trust.ts";

const AGGREGATORS = await Promise.all([0, 1, 2].map(makeAggregatorCertificates));
const STRANGER = (await CertificateAuthority.create("another", new Date())).pair.certificate;
const RUBBISH = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const RUNS = 60;
/** Milliseconds: for half a minute nothing is appended where it was taken out five times. */
const UNTIL_APPENDED = 35_000;

/** What the network and the server do, and time. */
const happenings = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant("serve" as const), which: fc.nat(5) }) },
  { weight: 10, arbitrary: fc.record({ what: fc.constant("answer" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("break" as const), which: fc.nat(5) }) },
  { weight: 8, arbitrary: fc.record({ what: fc.constant("deliver" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("close watch" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("break watch" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("compact" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant("pass" as const), milliseconds: fc.constantFrom(100, 600, 2000) }),
  },
);
/** What others write. */
const writes = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant("CA" as const), of: fc.nat(2) }) },
  { weight: 5, arbitrary: fc.record({ what: fc.constant("client" as const), of: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("start" as const), of: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("add a stranger" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("touch" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("rubbish" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("delete CA" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("delete client" as const) }) },
);
const some = (maxLength: number) => fc.array(happenings, { maxLength, size: "max" });
/** Ends with what an Aggregator writes at its start; after it nothing is written that could hide what was passed over. */
const rounds = fc.record({
  steps: fc.array(fc.oneof({ weight: 3, arbitrary: happenings }, { weight: 1, arbitrary: writes }), {
    maxLength: 40,
    size: "max",
  }),
  last: fc.nat(2),
  lastFirst: fc.boolean(),
  between: some(10),
  after: some(20),
});
const plans = fc.record({
  /** Without the right to list or watch, objects are read every second. */
  denied: fc.option(fc.constantFrom("list", "watch"), { nil: undefined, freq: 4 }),
  proxies: fc.integer({ min: 1, max: 2 }),
  keepsAuthority: fc.boolean(),
  rounds: fc.array(rounds, { minLength: 1, maxLength: 3, size: "max" }),
});

type Happening = typeof happenings extends fc.Arbitrary<infer T> ? T : never;
type Round = typeof rounds extends fc.Arbitrary<infer T> ? T : never;
type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;
type Write = typeof writes extends fc.Arbitrary<infer T> ? T : never;

class Play {
  readonly model = new KubernetesModel();
  readonly proxies: readonly ModelledTrust[];

  constructor({ proxies, keepsAuthority, denied }: Omit<Plan, "rounds">, readonly mode: TrustMode = "append-ca") {
    this.model.denies = (verb) => verb === denied;
    this.proxies = Array.from({ length: proxies }, (_, index) =>
      new ModelledTrust({
        name: `proxy-${index}`,
        ...(keepsAuthority ? { ownCaSecret: "ipfix-skew-proxy-ca" } : {}),
      }, this.model));
    for (const { trust } of this.proxies) trust.use(mode);
  }

  /** The proxies' CAs in the bundle. */
  own(): string[] {
    return readableCertificates(this.bundle).filter(isOwn).map(({ certificate }) => certificate.fingerprint256);
  }

  get bundle(): string {
    return this.model.object(OBJECTS.bundle)?.data?.["ca.crt"] ?? "";
  }

  write(write: Write): void {
    const { model } = this;
    const at = (of: number): AggregatorCertificates => AGGREGATORS[of] ?? assert.fail();
    const bundle = (text: string) => model.put(OBJECTS.bundle, { data: { "ca.crt": text } });
    const pair = (target: ObjectTarget, { certificate, key }: Issued) =>
      model.put(target, { data: { "tls.crt": btoa(certificate), "tls.key": btoa(key) } });
    switch (write.what) {
      case "start":
        this.write({ what: "CA", of: write.of });
        return this.write({ what: "client", of: write.of });
      case "CA":
        if (this.mode === "mint") pair(OBJECTS.authority, at(write.of).ca);
        return void bundle(at(write.of).ca.certificate);
      case "client":
        return void pair(OBJECTS.client, at(write.of).client);
      case "add a stranger":
        return void (this.bundle !== "" && bundle(appendCertificate(this.bundle, STRANGER)));
      case "touch":
        return void (this.bundle !== "" && bundle(this.bundle));
      case "rubbish":
        model.put(OBJECTS.authority, { data: { "tls.crt": "cnVi", "tls.key": "!" } });
        return void bundle(RUBBISH);
      case "delete CA":
        model.put(OBJECTS.authority, undefined);
        return void model.put(OBJECTS.bundle, undefined);
      case "delete client":
        return void model.put(OBJECTS.client, undefined);
    }
  }

  async happen(happening: Happening): Promise<void> {
    const { model } = this;
    const pick = <T>(all: Iterable<T>, which: number): T | undefined =>
      [...all].at(which % Math.max(1, [...all].length));
    switch (happening.what) {
      case "serve":
        pick(model.requests, happening.which)?.serve();
        break;
      case "answer":
        pick(model.requests, happening.which)?.answer();
        break;
      case "break":
        pick(model.requests, happening.which)?.break();
        break;
      case "deliver":
        pick(model.watches, happening.which)?.deliver();
        break;
      case "close watch":
        pick(model.watches, happening.which)?.close();
        break;
      case "break watch":
        pick(model.watches, happening.which)?.break();
        break;
      case "compact":
        model.compact();
        break;
      case "pass":
        await this.#pass(happening.milliseconds);
    }
    await this.settle();
  }

  async settle(): Promise<void> {
    await this.proxies[0]?.settle();
    this.#checkWrites();
  }

  /** Whoever trusts the proxy's CA must find a listener that asks for certificates of the Aggregator's. */
  #checkWrites(): void {
    for (const { verb, target, body } of this.model.requests) {
      if (verb !== "update" || target.name !== OBJECTS.bundle.name) continue;
      const written = (body as { data?: Record<string, string> } | undefined)?.data?.["ca.crt"] ?? "";
      const needed = readableCertificates(written).filter((each) => !isOwn(each)).map(({ pem }) => pem);
      const ready = this.proxies.some(({ trust: { listener } }) =>
        listener.established && needed.every((pem) => listener.material.ca?.includes(pem))
      );
      assert.ok(ready, "published before the listener takes that CA");
    }
  }

  async #pass(milliseconds: number): Promise<void> {
    for (const { clock } of this.proxies) await clock.advance(milliseconds, milliseconds);
  }

  /** Everything arrives, and time passes. Returns the number of requests that took. */
  async rest(milliseconds: number, isOver: () => boolean = () => false): Promise<number> {
    const before = this.model.served.length;
    for (let passed = 0; passed <= milliseconds; passed += 1_000) {
      await this.proxies[0]?.arrive();
      this.#checkWrites();
      if (isOver()) break;
      await this.#pass(1_000);
    }
    return this.model.served.length - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.proxies) await proxy[Symbol.asyncDispose]();
  }
}

/** All of a round but what comes after the last that is written. */
async function begin(play: Play, round: Round): Promise<void> {
  for (const step of round.steps) {
    if (isWrite(step)) play.write(step);
    else await play.happen(step);
    await play.settle();
  }
  const [one, other] = round.lastFirst ? ["CA", "client"] as const : ["client", "CA"] as const;
  play.write({ what: one, of: round.last });
  for (const step of round.between) await play.happen(step);
  play.write({ what: other, of: round.last });
}

/** The view of each proxy is what the cluster holds. */
function checkView({ proxies }: Play, { last }: Round): void {
  const { ca, client } = AGGREGATORS[last] ?? assert.fail();
  for (const { trust } of proxies) {
    assert.deepEqual([trust.status.problems, trust.waitingFor], [[], ""]);
    assert.ok(trust.listener.material.ca?.includes(ca.certificate.trim()));
    assert.equal(trust.collector.material.certificate?.trim(), client.certificate.trim());
    assert.equal(trust.collector.material.ca?.trim(), ca.certificate.trim());
  }
}

/** Each proxy's CA is in the bundle once, and all else is as it was written. */
function checkBundle(play: Play, { proxies, keepsAuthority }: Plan, { last }: Round): void {
  const own = play.own();
  assert.equal(new Set(own).size, own.length, "none is in twice");
  assert.equal(own.length, keepsAuthority ? 1 : proxies, "each proxy's is in");
  const { ca } = AGGREGATORS[last] ?? assert.fail();
  assert.equal(withoutCertificates(play.bundle, isOwn), ca.certificate);
}

function holds(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

Deno.test("append-ca: the proxy comes to see what the cluster holds, and its CA is in once, in whatever order all arrives", async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      await using play = new Play(plan);
      let check = () => {};
      for (const round of plan.rounds) {
        await begin(play, round);
        for (const step of round.after) await play.happen(step);
        check = () => {
          checkView(play, round);
          checkBundle(play, plan, round);
        };
        const requests = await play.rest(UNTIL_APPENDED, () => holds(check));
        check();
        assert.ok(requests < 300, `${requests} requests`);
      }
      const updates = () => play.model.served.filter(({ verb }) => verb === "update").length;
      const before = updates();
      await play.rest(10_000);
      check();
      assert.equal(updates(), before, "then it is at rest");
    }),
    { numRuns: RUNS },
  );
});

Deno.test("mint: the proxy comes to see what the cluster holds, and writes nothing, in whatever order all arrives", async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      await using play = new Play(plan, "mint");
      for (const round of plan.rounds) {
        await begin(play, round);
        for (const step of round.after) await play.happen(step);
        await play.rest(10_000, () => holds(() => checkView(play, round)));
        checkView(play, round);
      }
      assert.deepEqual(play.model.served.filter(({ verb }) => !["get", "list", "watch"].includes(verb)), []);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("append-ca: a drain takes the proxy's CA out and leaves that of the other, in whatever order all arrives", async () => {
  await fc.assert(
    fc.asyncProperty(plans, rounds, async (plan, round) => {
      await using play = new Play({ ...plan, keepsAuthority: false, proxies: 2 });
      await begin(play, round);
      const [leaving] = play.proxies;
      let left: boolean | undefined;
      void leaving?.trust.withdraw().then(() => left = true, () => left = false);
      for (const step of round.after) await play.happen(step);
      const check = () => {
        const names = readableCertificates(play.bundle).filter(isOwn).map(({ certificate }) => commonName(certificate));
        // Where the connection broke, `restore` is what is left, and the log says so.
        if (left) assert.deepEqual(names, ["proxy-1"]);
        else assert.deepEqual(names.filter((each) => each !== "proxy-0"), ["proxy-1"]);
        assert.notEqual(left, undefined);
      };
      await play.rest(UNTIL_APPENDED, () => holds(check));
      check();
    }),
    { numRuns: RUNS },
  );
});

function isWrite(step: Happening | Write): step is Write {
  return "of" in step || ["add a stranger", "touch", "rubbish", "delete CA", "delete client"].includes(step.what);
}
