import assert from "node:assert/strict";
import { CollectorProcess } from "../peers/collector.ts";
import { COLLECTOR, PROFILE, startExporters } from "../peers/fleet.ts";
import { flowLayouts } from "../peers/flows.ts";
import { ProxyProcess } from "../proxy.ts";
import { say } from "../support.ts";
import { until } from "../../support/time/until.ts";

/** Records a second: one every 20 ms. */
const RATE = 50;
const transport = "tcp";

for (const end of ["read", "stalled", "half-closed"] as const) {
  const stalls = end !== "read";
  const how = {
    read: "has read all, and is killed",
    stalled: "stops reading, and is killed",
    "half-closed": "stops reading, half-closes, and is killed later",
  }[end];
  Deno.test(`a collector that ${how}, at ${RATE} records a second: a bound of the loss that holds`, async () => {
    const layouts = flowLayouts(COLLECTOR);
    await using first = await CollectorProcess.start({ transport, layouts });
    await using proxy = await ProxyProcess.start({
      listen: [{ transport: "tcp" }],
      collector: { transport, port: first.port, profile: PROFILE },
    });
    const [exporter] = await startExporters(proxy, 1, 1);
    assert.ok(exporter !== undefined);
    await first.untilRecords(8 * RATE);
    if (stalls) {
      await first.pause();
      // Nothing else tells that it reads no more. What it has not read goes down with it.
      await until("three seconds' records are unread", () => exporter.next - first.records >= 3 * RATE);
    }
    if (end === "half-closed") {
      await first.halfClose();
      await proxy.until("its end is seen", () => proxy.happened("collector_lost").length > 0);
    }
    let goOn = () => {};
    if (end === "read") {
      // Nothing may be on its way: a record that a process that ends has not read resets the connection.
      goOn = await exporter.hesitate();
      await first.until("it has read all", () => first.records === exporter.next);
    }
    await first.process.kill("SIGKILL");
    goOn();
    const got = first.records;
    const sent = exporter.next;
    await using second = await CollectorProcess.start({ transport, layouts }, first.port);
    const flows = () => second.flowsOf(exporter.observationDomain);
    await second.until("it is found again", () => flows().length > 0);
    const [found = 0] = flows();
    const lost = found - got;
    await proxy.lossesLogged();
    const said = proxy.happened("collector_lost").reduce((sum, { possiblyLost }) => sum + Number(possiblyLost), 0);
    say(`${lost} of ${sent} records lost, at most ${said} reported`);
    assert.ok(lost <= said, `${lost} lost, ${said} reported`);
    if (stalls) assert.ok(lost > RATE, "it had unread records");
    else assert.ok(said <= 4 * RATE, `${said} reported of ${sent}`);
  });
}
