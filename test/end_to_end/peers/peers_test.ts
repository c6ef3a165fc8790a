import { until } from "../../support/time/until.ts";
import { CollectorProcess } from "./collector.ts";
import { startHostile } from "./hostile.ts";

Deno.test("a collector and a hostile exporter end with the test that started them, even if it is killed", async () => {
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts: [] });
  await using hostile = await startHostile({ port: collector.port, hostility: "redefinitions" });
  for (const process of [hostile, collector.process]) {
    // Closes its standard input, as the system does for a process that has gone.
    void process.end();
    await until("it has ended", () => process.ending !== undefined);
  }
});
