import assert from "node:assert/strict";
import { CollectorProcess } from "./peers/collector.ts";
import { connectExporter, Exporter } from "./peers/exporter.ts";
import { OUTCOMES, PADDING, STRIPPING } from "./chains.ts";
import { PROFILE, settle } from "./peers/fleet.ts";
import { type ProxyConfiguration, ProxyProcess } from "./proxy.ts";
import { moment, say } from "./support.ts";
import { until } from "../support/time/until.ts";

const RELOADS = 50;

Deno.test(`${RELOADS} reloads under load, two chains in turn: each record is whole by one or the other, in order, none lost`, async () => {
  const layouts = OUTCOMES.flatMap(({ layouts }) => layouts);
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts });
  const configuration = (plugins: ProxyConfiguration["plugins"]): ProxyConfiguration => ({
    listen: [{ transport: "tcp" }],
    collector: { transport: "tcp", port: collector.port, profile: PROFILE },
    ...(plugins === undefined ? {} : { plugins }),
  });
  await using proxy = await ProxyProcess.start(configuration(PADDING));
  const exporters: Exporter[] = [];
  for (const [index, release] of ["v2.0.0", "v1.13.0"].entries()) {
    exporters.push(new Exporter(await connectExporter(proxy.port()), release, index + 1));
  }
  /** Records that came of each outcome so far. */
  const counts = () => {
    const sums = collector.collected().reduce(
      (sum, one) => sum.map((count, index) => count + (one.layouts[index] ?? 0)),
      layouts.map(() => 0),
    );
    return OUTCOMES.map((_, outcome) => (sums[2 * outcome] ?? 0) + (sums[2 * outcome + 1] ?? 0));
  };
  await collector.until(
    "the first chain is in use",
    () => counts().every((count, index) => index % 2 === 1 || count > 0),
  );
  const triggers: string[] = [];
  for (let reload = 1; reload <= RELOADS; reload++) {
    const outcome = reload % 2;
    const before = counts();
    await proxy.configure(configuration(outcome === 1 ? STRIPPING : PADDING));
    if (reload % 3 === 0) proxy.process.signal("SIGHUP");
    else if (reload % 3 === 1) assert.equal((await proxy.post("/api/reload")).status, 200);
    await collector.until("records of both Agents come by the other chain", () => {
      const now = counts();
      return OUTCOMES.every((_, index) => index % 2 !== outcome || (now[index] ?? 0) > (before[index] ?? 0));
    });
    triggers.push(...proxy.happened("config_reloaded").slice(triggers.length).map(({ trigger }) => String(trigger)));
  }
  // The watch of the file may come last to what a signal or a request has had reloaded.
  let applied = -1;
  await until("no reload is under way any more", async () => {
    const before = applied;
    applied = proxy.happened("config_reloaded").length;
    if (before !== applied) await moment(2_000);
    return before === applied;
  });
  // Half of the right reloads over, a wrong file changes nothing.
  await proxy.configure({
    ...configuration(PADDING),
    plugins: [{ use: "strip-unknown", with: { remove: "everything" } }],
  });
  const { status, body } = await proxy.post("/api/reload");
  assert.equal(status, 422);
  assert.match(JSON.stringify(body), /proxy\.yaml:\d+:\d+: plugins.*everything/);
  assert.equal(proxy.happened("config_reloaded").length, applied);
  await settle(collector, exporters);
  collector.assertRight();
  assert.deepEqual(
    proxy.happened("session_closed").map(({ outcome }) => outcome).filter((one) => one !== "closed"),
    [],
  );
  assert.deepEqual(proxy.happened("collector_lost"), [], "no connection was given up for it");
  const by = Object.entries(Object.groupBy(triggers, (trigger) => trigger)).map(([trigger, all]) =>
    `${all?.length} by ${trigger}`
  );
  say(
    `${RELOADS} reloads (${by.join(", ")}), ${exporters.reduce((sum, { next }) => sum + next, 0)} records, ${
      counts().join(" / ")
    } by outcome`,
  );
});
