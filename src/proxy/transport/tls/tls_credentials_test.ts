import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { Authority, type Issued } from "../../../../test/support/certificates.ts";
import { StandingClock } from "../../../../test/support/time/standing_clock.ts";
import { until } from "../../../../test/support/time/until.ts";
import { checkTlsMaterial } from "../../../certificates/tls_material.ts";
import type { ProxyEvent } from "../../reporting/proxy_event.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { FileCredentials } from "./tls_credentials.ts";

const authority = await Authority.create("cluster");
const aggregator = await authority.issue({ name: "aggregator", dns: ["flow-aggregator.svc"], usage: ["server"] });
const agent = await authority.issue({ name: "agent-1", usage: ["client"] });

/** A clock that stands at the time of day at which the certificates of these tests were made. */
class DatedClock extends StandingClock {
  readonly #start = Date.now();
  /** How far the date has moved on, without the timers. */
  days = 0;

  override date(): Date {
    return new Date(this.#start + this.days * 24 * 3_600_000);
  }
}

Deno.test("keys as PKCS#1, PKCS#8 and SEC 1 are read; pairs that do not belong together are not", async () => {
  const rsa = await authority.issue({ name: "a", rsa: true });
  const pkcs1 = createPrivateKey(rsa.key).export({ type: "pkcs1", format: "pem" }).toString();
  const sec1 = createPrivateKey(agent.key).export({ type: "sec1", format: "pem" }).toString();
  for (const pem of [rsa, { ...rsa, key: pkcs1 }, { ...agent, key: sec1 }]) {
    assert.match(checkTlsMaterial(pem).key ?? "", /BEGIN PRIVATE KEY/);
  }
  assert.match(pkcs1, /BEGIN RSA PRIVATE KEY/);
  assert.throws(() => checkTlsMaterial({ ...agent, key: rsa.key }), /key: .*belong/);
  assert.throws(() => checkTlsMaterial({ ...agent, key: "nonsense" }), /key: /);
  assert.throws(() => checkTlsMaterial({ certificate: agent.certificate }), /needed together/);
  assert.throws(() => checkTlsMaterial({ ca: "nonsense" }), /ca: no PEM/);
  assert.throws(() => checkTlsMaterial({ ca: authority.pem.replace(/\n..../, "\nAAAA") }), /ca: certificate 1/);
});

Deno.test("changed files are read again; an invalid pair is refused and reported once, and the old one stays in use", async () => {
  const folder = await Deno.makeTempDir();
  const paths = { certificate: `${folder}/data/tls.crt`, key: `${folder}/data/tls.key`, ca: `${folder}/data/ca.crt` };
  // As Kubernetes does: a new directory, and the symlink swapped to it.
  let version = 0;
  const put = async ({ certificate, key }: Issued) => {
    const next = `${folder}/${version++}`;
    await Deno.mkdir(next);
    await Deno.writeTextFile(`${next}/tls.crt`, certificate);
    await Deno.writeTextFile(`${next}/tls.key`, key);
    await Deno.writeTextFile(`${next}/ca.crt`, authority.pem);
    await Deno.symlink(next, `${folder}/link`);
    await Deno.rename(`${folder}/link`, `${folder}/data`);
  };
  const events: ProxyEvent[] = [];
  const happened = (event: string) => events.filter((one) => one.event === event).length;
  const clock = new DatedClock();
  await put(agent);
  const credentials = await FileCredentials.open(paths, clock, (event) => events.push(event));
  let changes = 0;
  credentials.onChange(() => changes++);
  await credentials.refresh();
  assert.deepEqual([changes, events.length], [0, 0], "nothing changed, nothing said");
  await put(aggregator);
  await clock.advance(5_000);
  await until("the change is seen", () => changes === 1);
  assert.equal(credentials.material.certificate, aggregator.certificate);
  await put({ certificate: agent.certificate, key: aggregator.key });
  await Promise.all([credentials.refresh(), credentials.refresh()]);
  assert.equal(happened("certificate_refused"), 1, "said once, however many look");
  assert.equal(credentials.material.certificate, aggregator.certificate);
  await Deno.remove(`${folder}/data`);
  await credentials.refresh();
  assert.equal(credentials.material.certificate, aggregator.certificate);
  await Deno.symlink(`${folder}/0`, `${folder}/data`);
  await credentials.refresh();
  assert.equal(credentials.material.certificate, agent.certificate);
  credentials.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a new certificate that is not valid is refused while that in use is, and taken once it is valid", async () => {
  const folder = await Deno.makeTempDir();
  const paths = { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` };
  const put = async ({ certificate, key }: Issued) => {
    await Deno.writeTextFile(paths.certificate, certificate);
    await Deno.writeTextFile(paths.key, key);
  };
  const events: ProxyEvent[] = [];
  const clock = new DatedClock();
  const good = await authority.issue({ name: "aggregator", days: 20 });
  const expired = await authority.issue({ name: "aggregator", days: -1 });
  const early = await authority.issue({ name: "aggregator", from: 1, days: 90 });
  await put(good);
  const credentials = await FileCredentials.open(paths, clock, (event) => events.push(event));
  for (
    const [wrong, reason] of [
      [expired, /^the listener's certificate \(CN=aggregator\) expired at .*: exporters that check it refuse it$/],
      [early, /^the listener's certificate \(CN=aggregator\) is not valid before /],
    ] as const
  ) {
    await put(wrong);
    await credentials.refresh();
    await credentials.refresh();
    const refused = events.splice(0).filter(({ event }) => event === "certificate_refused");
    assert.equal(refused.length, 1, "once, however often it is looked at");
    assert.match(String(refused[0]?.fields["reason"]), reason);
    assert.equal(credentials.material.certificate, good.certificate);
  }
  clock.days = 2;
  await credentials.refresh();
  assert.equal(credentials.material.certificate, early.certificate);
  assert.deepEqual(events.map(({ event }) => event), ["certificate_changed"]);
  await put(good);
  clock.days = 91;
  await credentials.refresh();
  assert.equal(credentials.material.certificate, good.certificate, "neither is valid any more: that of the files");
  assert.equal(events.at(-1)?.level, "error");
  credentials.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a pair that TLS does not accept is refused, and files are read again even after a listener has failed", async () => {
  const folder = await Deno.makeTempDir();
  const paths = { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` };
  const put = async ({ certificate, key }: Issued) => {
    await Deno.writeTextFile(paths.certificate, certificate);
    await Deno.writeTextFile(paths.key, key);
  };
  const weak = await authority.issue({ name: "weak", rsa: true, modulusLength: 1024 });
  assert.throws(() => checkTlsMaterial(weak), /^Error: certificate: TLS does not accept it: .*key too small/);
  const events: ProxyEvent[] = [];
  await put(agent);
  const credentials = await FileCredentials.open(paths, new DatedClock(), (event) => events.push(event));
  await put(weak);
  await credentials.refresh();
  assert.deepEqual(events.map(({ event }) => event), ["certificate_refused"]);
  assert.equal(credentials.material.certificate, agent.certificate);
  const ignore = credentials.onChange(() => {
    throw new Error("a listener's fault");
  });
  await put(aggregator);
  await assert.rejects(credentials.refresh(), /a listener's fault/);
  ignore();
  await put(agent);
  await credentials.refresh();
  assert.equal(credentials.material.certificate, agent.certificate);
  credentials.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a certificate is an error at once when it expires, and where it is not valid yet", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/ca.crt`;
  await Deno.writeTextFile(path, (await authority.issue({ name: "late", days: 3 })).certificate);
  const events: ProxyEvent[] = [];
  const clock = new DatedClock();
  const credentials = await FileCredentials.open({ ca: path }, clock, (event) => events.push(event));
  const told = () => events.splice(0).map(({ event, level }) => `${level} ${event}`);
  assert.deepEqual(told(), ["warning certificate_expires"]);
  clock.days = 2.9;
  await credentials.refresh();
  assert.deepEqual(told(), [], "once a day");
  clock.days = 3.1;
  await credentials.refresh();
  assert.deepEqual(told(), ["error certificate_expires"], "within a day of the warning before");
  credentials.close();
  await Deno.writeTextFile(path, (await authority.issue({ name: "early", from: 4, days: 90 })).certificate);
  const early = await FileCredentials.open({ ca: path }, clock, (event) => events.push(event));
  assert.deepEqual(told(), ["error certificate_not_valid_yet"]);
  early.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("files that cannot be read are named, and a certificate that ends soon is warned of", async () => {
  const report: ProxyEvent[] = [];
  const missing = FileCredentials.open({ ca: "/nowhere/ca.crt" }, SYSTEM_CLOCK, () => {});
  await assert.rejects(missing, /ca: cannot read \/nowhere\/ca.crt/);
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, (await authority.issue({ name: "late", days: 3 })).certificate);
  const credentials = await FileCredentials.open({ ca: path }, SYSTEM_CLOCK, (event) => report.push(event));
  assert.deepEqual(report.map(({ event }) => event), ["certificate_expires"]);
  const days = ((credentials.material.certificates[0]?.expiresAt.getTime() ?? 0) - Date.now()) / 86_400_000;
  assert.ok(days > 2.9 && days < 3.1);
  credentials.close();
  await Deno.remove(path);
});
