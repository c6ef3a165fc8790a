import assert from "node:assert/strict";
import { Authority, type Issued } from "../../test/support/certificates.ts";
import { health } from "../admin/page/health.ts";
import type { ProxyEvent } from "../proxy/reporting/proxy_event.ts";
import { SYSTEM_CLOCK } from "../proxy/time/clock.ts";
import { loadWatched } from "./reloader.ts";
import { Service } from "./service.ts";

const authority = await Authority.create("cluster");
const DAY = 24 * 3_600_000;

/** A service whose listener has this certificate, on a date that a test moves. */
async function withService(
  issued: Issued,
  run: (parts: {
    readonly service: Service;
    readonly events: readonly ProxyEvent[];
    readonly pass: (days: number) => void;
    readonly put: (issued: Issued) => Promise<void>;
    readonly write: (sessions: number) => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const put = async ({ certificate, key }: Issued) => {
    await Deno.writeTextFile(`${folder}/tls.crt`, certificate);
    await Deno.writeTextFile(`${folder}/tls.key`, key);
  };
  const write = (sessions: number) =>
    Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      `listen: [{ transport: tls, address: "127.0.0.1:0", tls: { certificate: tls.crt, key: tls.key } }]
collector: { transport: tcp, address: "127.0.0.1:1", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
limits: { sessions: ${sessions} }
`,
    );
  await put(issued);
  await write(10);
  let ahead = 0;
  const clock = { ...SYSTEM_CLOCK, date: () => new Date(Date.now() + ahead * DAY) };
  const { configuration } = await loadWatched(`${folder}/proxy.yaml`);
  assert.ok(!(configuration instanceof Error), String(configuration));
  const events: ProxyEvent[] = [];
  const service = await Service.open(configuration, (event) => events.push(event), clock);
  try {
    await service.start();
    await run({ service, events, pass: (days) => ahead += days, put, write });
  } finally {
    await service.served.close();
    await service.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an expired certificate is served, and log, page, verdict and status say so; other changes are applied", async () => {
  const expired = await authority.issue({ name: "aggregator", days: -1 });
  await withService(expired, async ({ service, events, put, write }) => {
    const { view } = service.served;
    assert.equal(view.ready, true);
    const fault = /^the listener's certificate \(CN=aggregator\) expired at \S+: exporters that check it refuse it$/;
    assert.deepEqual(events.filter(({ level }) => level === "error").map(({ event }) => event), [
      "certificate_expires",
    ]);
    assert.match(view.certificateFaults?.join() ?? "", fault);
    assert.equal(view.verdict.verdict, "unknown");
    // What stands between the proxy and its collector is told first: there is none here.
    assert.equal(health(view).level, "bad");
    await write(20);
    assert.deepEqual(await service.reloader.reload("request"), { applied: true, mistakes: [] });
    await put(await authority.issue({ name: "aggregator" }));
    await service.reloader.reload("request");
    assert.deepEqual(view.certificateFaults, []);
  });
});

Deno.test("a reload into an expired certificate is refused while that in use is valid", async () => {
  const good = await authority.issue({ name: "aggregator", days: 5 });
  await withService(good, async ({ service, pass, put, write }) => {
    const { view } = service.served;
    assert.deepEqual(view.certificateFaults, []);
    await put(await authority.issue({ name: "aggregator", days: -1 }));
    await write(20);
    const { applied, mistakes } = await service.reloader.reload("request");
    assert.equal(applied, false);
    assert.match(
      mistakes.join(),
      /proxy\.yaml:1:\d+: listen\[0\]\.tls\.certificate: \S+tls\.crt: CN=aggregator expired/,
    );
    assert.deepEqual(view.certificateFaults, []);
    pass(6);
    assert.match(view.certificateFaults?.join() ?? "", /expired at/, "that in use has expired as well");
    assert.equal((await service.reloader.reload("request")).applied, true);
  });
});
