/**
 * Whatever the cluster holds or says, the log, `status` and the page say in words what is wrong, what was good last
 * stays in force, and nobody is let in who was not before. Without anything good, nobody is.
 */
import assert from "node:assert/strict";
import type { ProxyEvent } from "../../src/proxy/reporting/proxy_event.ts";
import type { Clock } from "../../src/proxy/time/clock.ts";
import { loadWatched } from "../../src/service/reloader.ts";
import { Service } from "../../src/service/service.ts";
import {
  aggregatorObjectsOf,
  AUTHORITY_PATH,
  BUNDLE_PATH,
  CLIENT_PATH,
  makeAggregatorCertificates,
} from "../support/kubernetes/aggregator_trust.ts";
import { Authority } from "../support/certificates.ts";
import { type ApiCall, FakeApiServer } from "../support/kubernetes/kubernetes_api.ts";
import { isLetIn, waitUntilSaid } from "./said.ts";
import { hastyClock } from "../support/time/hasty_clock.ts";
import { until } from "../support/time/until.ts";

const POD = "/api/v1/namespaces/flow-aggregator/pods/flow-aggregator-1";
const HOUR = 3_600_000;
const [OURS, THEIRS] = await Promise.all([makeAggregatorCertificates(), makeAggregatorCertificates()]);
const RELEASE = { "append-ca": "v1.15.2", mint: "v2.6.3" } as const;
type Mode = keyof typeof RELEASE;

interface Fault {
  readonly what: string;
  /** Which way of trust it is about. Default: either, so that one is enough. */
  readonly mode?: Mode;
  readonly make: (server: FakeApiServer) => void;
  /** What is said of it, while the proxy serves. */
  readonly words: RegExp;
  /**
   * What is said where it is there before the proxy is; missing: the same. False: it does not keep the proxy from
   * serving.
   */
  readonly atStart?: RegExp | false;
}

const text = (...values: readonly [string, string][]) => ({
  data: Object.fromEntries(values.map(([name, value]) => [name, btoa(value)])),
});
const clientSecret = (certificate: string, key: string) => text(["tls.crt", certificate], ["tls.key", key]);
const half = (pem: string) => pem.slice(0, pem.length / 2);
const image = (tag: string) => (server: FakeApiServer) => server.put(POD, pod(`antrea/flow-aggregator${tag}`));
const denied = (verb: string, resource: string, name?: string) => (server: FakeApiServer) =>
  server.denies = (call: ApiCall) =>
    call.verb === verb && call.resource === resource && (name === undefined || call.name === name);
const missing = (verb: string, resource: string, name?: string) =>
  new RegExp(
    `missing RBAC rule: verb "${verb}" on resource "${resource}"${name === undefined ? "" : `, name "${name}"`}`,
  );
const NO_GOOD = (rest: string) => new RegExp(`Secret flow-aggregator/flow-aggregator-client-tls is no good: ${rest}`);

const expired = await Authority.create("expired", { rsa: true });
const [ended, early] = await Promise.all([
  expired.issue({ name: "ended", rsa: true, days: -1 }),
  expired.issue({ name: "early", rsa: true, from: 1 }),
]);
const withExpired = (pair: { certificate: string; key: string }) => (server: FakeApiServer) => {
  server.put(BUNDLE_PATH, { data: { "ca.crt": `${OURS.ca.certificate}${expired.pem}\n` } });
  server.put(CLIENT_PATH, clientSecret(pair.certificate, pair.key));
};

const FAULTS: readonly Fault[] = [
  {
    what: "a token that is refused",
    make: (server) => server.refuses = () => true,
    words: /the credentials are refused: the token ended at \d{4}-/,
  },
  ...["list", "watch"].map((verb): Fault => ({
    what: `no right to ${verb} the client Secret`,
    make: denied(verb, "secrets", "flow-aggregator-client-tls"),
    words: missing(verb, "secrets", "flow-aggregator-client-tls"),
    atStart: false,
  })),
  ...["list", "watch"].map((verb): Fault => ({
    what: `no right to ${verb} the bundle`,
    mode: "append-ca",
    make: denied(verb, "configmaps"),
    words: missing(verb, "configmaps", "flow-aggregator-ca"),
    atStart: false,
  })),
  ...["list", "watch"].map((verb): Fault => ({
    what: `no right to ${verb} the CA's Secret`,
    mode: "mint",
    make: denied(verb, "secrets", "flow-aggregator-ca-tls"),
    words: missing(verb, "secrets", "flow-aggregator-ca-tls"),
    atStart: false,
  })),
  {
    what: "no right to read the client Secret at all",
    make: (server) => server.denies = ({ name }) => name === "flow-aggregator-client-tls",
    words: missing("get", "secrets", "flow-aggregator-client-tls"),
  },
  {
    what: "no right to update the bundle",
    mode: "append-ca",
    make: (server) => {
      denied("update", "configmaps")(server);
      server.put(BUNDLE_PATH, aggregatorObjectsOf(OURS).get(BUNDLE_PATH));
    },
    words: missing("update", "configmaps", "flow-aggregator-ca"),
    atStart: false,
  },
  ...["list", "watch"].map((verb): Fault => ({
    what: `no right to ${verb} Pods`,
    make: denied(verb, "pods"),
    words: missing(verb, "pods"),
    ...(verb === "watch" ? { atStart: false } : {}),
  })),
  { what: "an image by its digest", make: image(`@sha256:${"a".repeat(64)}`), words: /is named by its digest alone/ },
  { what: "an image with the tag latest", make: image(":latest"), words: /has the tag "latest", so that its release/ },
  { what: "an image without a tag", make: image(""), words: /image "antrea\/flow-aggregator" has no tag/ },
  { what: "no Pod", make: (server) => server.put(POD, undefined), words: /there is no Pod with label/ },
  { what: "an unknown release", make: image(":v9.9.9"), words: /no profile is known for .*v9\.9\.9/ },
  {
    what: "a clock that is an hour behind",
    make: (server) => server.clockAhead = HOUR,
    words: /clock is 3[56]\d\d s behind the API server's: certificates may be refused/,
    atStart: false,
  },
  {
    what: "a clock that is an hour ahead",
    make: (server) => server.clockAhead = -HOUR,
    words: /clock is 36\d\d s ahead of the API server's: certificates may be refused/,
    atStart: false,
  },
  {
    what: "a client certificate that has ended",
    mode: "append-ca",
    make: withExpired(ended),
    words: /the certificate of CN=ended ended at \d{4}-/,
    atStart: false,
  },
  {
    what: "a client certificate that is not valid yet",
    mode: "append-ca",
    make: withExpired(early),
    words: /the certificate of CN=early is valid from .* on: the clock is behind/,
    atStart: false,
  },
  {
    what: "a Secret that is no PEM",
    make: (server) => server.put(CLIENT_PATH, clientSecret("rubbish", "rubbish")),
    words: NO_GOOD("certificate: no PEM certificate in it"),
  },
  {
    what: "half a certificate",
    make: (server) => server.put(CLIENT_PATH, clientSecret(half(OURS.client.certificate), OURS.client.key)),
    words: NO_GOOD("certificate: no PEM certificate in it"),
  },
  {
    what: "half a key",
    make: (server) => server.put(CLIENT_PATH, clientSecret(OURS.client.certificate, half(OURS.client.key))),
    words: NO_GOOD("key: no private key can be read from it"),
  },
  {
    what: "the key of another certificate",
    make: (server) => server.put(CLIENT_PATH, clientSecret(OURS.client.certificate, THEIRS.client.key)),
    words: NO_GOOD("key: it does not belong to the certificate"),
  },
  {
    what: "the certificate of another CA",
    make: (server) => server.put(CLIENT_PATH, clientSecret(THEIRS.client.certificate, THEIRS.client.key)),
    words: /client-tls does not go back to the Aggregator's CA/,
  },
  { what: "an empty Secret", make: (server) => server.put(CLIENT_PATH, {}), words: NO_GOOD("it has no tls.crt") },
  {
    what: "no client Secret",
    make: (server) => server.put(CLIENT_PATH, undefined),
    words: /Secret flow-aggregator\/flow-aggregator-client-tls is not there: what was good last/,
    atStart: /waiting for Secret flow-aggregator\/flow-aggregator-client-tls, which the Aggregator makes at its start/,
  },
  {
    what: "no bundle",
    mode: "append-ca",
    make: (server) => server.put(BUNDLE_PATH, undefined),
    words: /ConfigMap flow-aggregator\/flow-aggregator-ca is not there: what was good last/,
    atStart: /waiting for ConfigMap flow-aggregator\/flow-aggregator-ca, which the Aggregator makes at its start/,
  },
  {
    what: "an empty bundle",
    mode: "append-ca",
    make: (server) => server.put(BUNDLE_PATH, { data: { "ca.crt": "" } }),
    words: /ca\.crt has no certificate of the Aggregator's CA/,
  },
  {
    what: "half a bundle",
    mode: "append-ca",
    make: (server) => server.put(BUNDLE_PATH, { data: { "ca.crt": half(OURS.ca.certificate) } }),
    words: /certificate 1 of the bundle cannot be read: it is cut off/,
  },
  {
    what: "a certificate in the bundle that is no CA's",
    mode: "append-ca",
    make: (server) => server.put(BUNDLE_PATH, { data: { "ca.crt": THEIRS.client.certificate } }),
    words: /certificate 1 of the bundle \(CN=flow-aggregator-client\) is no CA's/,
  },
  {
    what: "no CA Secret",
    mode: "mint",
    make: (server) => server.put(AUTHORITY_PATH, undefined),
    words: /Secret flow-aggregator\/flow-aggregator-ca-tls is not there: what was good last/,
    atStart: /waiting for Secret flow-aggregator\/flow-aggregator-ca-tls, which the Aggregator makes at its start/,
  },
  {
    what: "a CA's Secret with the key of another",
    mode: "mint",
    make: (server) => server.put(AUTHORITY_PATH, clientSecret(OURS.ca.certificate, THEIRS.ca.key)),
    words: /flow-aggregator-ca-tls is no good: key: it does not belong to the certificate/,
  },
  {
    what: "a CA's Secret with a certificate that is no CA's",
    mode: "mint",
    make: (server) => server.put(AUTHORITY_PATH, clientSecret(OURS.client.certificate, OURS.client.key)),
    words: /is no CA's/,
  },
];

function pod(image: string): Record<string, unknown> {
  return {
    metadata: { creationTimestamp: "2026-01-01T00:00:00Z", labels: { app: "flow-aggregator" } },
    spec: { containers: [{ name: "flow-aggregator", image }] },
  };
}

/** A cluster as it should be. */
function repair(server: FakeApiServer, mode: Mode): void {
  server.denies = () => false;
  server.refuses = () => false;
  server.before = () => {};
  server.clockAhead = 0;
  server.put(POD, pod(`antrea/flow-aggregator:${RELEASE[mode]}`));
  for (const [path, object] of aggregatorObjectsOf(OURS, mode === "mint")) server.put(path, object);
}

/** A token that says of itself that it ended an hour ago; whether it is taken is the server's business. */
const TOKEN = `e30.${btoa(JSON.stringify({ exp: Math.floor(Date.now() / 1000) - 3600 })).replaceAll("=", "")}.x`;

class Served implements AsyncDisposable {
  /** Milliseconds by which its time is ahead: each fault is a while after the one before. */
  static ahead = 0;

  private constructor(
    readonly service: Service,
    readonly admin: string,
    readonly folder: string,
    readonly events: readonly ProxyEvent[],
    readonly serving: Promise<unknown>,
  ) {}

  static async start(server: FakeApiServer): Promise<Served> {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/kubeconfig`, server.kubeconfig(TOKEN));
    await Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      `listen: [{ transport: tls, address: 127.0.0.1:0, tls: { mode: auto } }]
collector: { transport: tls, address: 127.0.0.1:9, profile: auto, tls: { mode: auto } }
admin: { address: 127.0.0.1:0 }
kubernetes: { kubeconfig: kubeconfig }
`,
    );
    const { configuration } = await loadWatched(`${folder}/proxy.yaml`);
    assert.ok(!(configuration instanceof Error), String(configuration));
    const events: ProxyEvent[] = [];
    const hasty = hastyClock(1 / 10);
    const clock: Clock = { ...hasty, now: () => hasty.now() + Served.ahead };
    const service = await Service.open(configuration, (event) => events.push(event), clock);
    const { admin } = await service.start();
    const serving = service.serve();
    serving.catch(() => {});
    return new Served(service, `http://${admin.hostname}:${admin.port}`, folder, events, serving);
  }

  /** Waits until the log, the status and the page say that, and gives nothing away. */
  async says(words: RegExp, since: number): Promise<void> {
    await waitUntilSaid(words, this.admin, () => this.events.slice(since).map(({ message }) => message).join("\n"));
    assert.ok(!JSON.stringify(this.events).includes("PRIVATE KEY"), "a key is nobody's business");
  }

  /** Who is let in: an Agent of this Aggregator, one of another, one without a certificate. */
  async letsIn(): Promise<boolean[]> {
    const [listener] = this.service.served.proxy.addresses();
    if (listener === undefined) return [false, false, false];
    const { port } = listener.address;
    return await Promise.all([OURS.client, THEIRS.client, undefined].map((each) => isLetIn(port, each)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    void this.service.served.drained();
    await this.serving.catch(() => {});
    await this.service.served.close();
    await this.service.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const GOOD = [true, false, false];

for (const mode of ["append-ca", "mint"] as const) {
  const faults = FAULTS.filter((fault) => (fault.mode ?? "append-ca") === mode);
  Deno.test(`${mode}: a fault under way is in log, status and page, and what was good last stays in force`, async () => {
    await using server = await FakeApiServer.start();
    repair(server, mode);
    await using served = await Served.start(server);
    await served.serving;
    assert.deepEqual(await served.letsIn(), GOOD);
    for (const { what, make, words } of faults) {
      try {
        const since = served.events.length;
        make(server);
        // A watch that was being opened just then is broken off the next time.
        server.breakWatches();
        const breaking = setInterval(() => server.breakWatches(), 2_000);
        await served.says(words, since).finally(() => clearInterval(breaking));
        assert.deepEqual(await served.letsIn(), GOOD);
        Served.ahead += 10 * 60_000;
        repair(server, mode);
        server.breakWatches();
        const { view } = served.service.served;
        await until("nothing is wrong", () => view.cluster?.problems.length === 0 && view.cluster.waitingFor === "");
      } catch (error) {
        throw new Error(what, { cause: error });
      }
    }
  });

  Deno.test(`${mode}: a fault before the start is in log, status and page, and lets nobody in until it is over`, async () => {
    await using server = await FakeApiServer.start();
    for (const { what, make, words, atStart = words } of faults) {
      if (atStart === false) continue;
      try {
        repair(server, mode);
        make(server);
        await using served = await Served.start(server);
        await served.says(atStart, 0);
        assert.equal((await fetch(`${served.admin}/live`)).status, 200);
        assert.equal((await fetch(`${served.admin}/ready`)).status, 503);
        assert.deepEqual(await served.letsIn(), [false, false, false]);
        repair(server, mode);
        server.endWatches();
        await served.serving;
        assert.deepEqual(await served.letsIn(), GOOD);
      } catch (error) {
        throw new Error(what, { cause: error });
      }
    }
  });
}
