import assert from "node:assert/strict";
import { Authority } from "../support/certificates.ts";
import { checkConnection, CollectorProcess, ProxyProcess } from "./processes.ts";
import { connectTcp, connectTls, Exporter, moment, say, SERVER_NAME, writeFiles } from "./support.ts";

const KILLS = 100;

const authority = await Authority.create("cluster");
const aggregator = await authority.issue({ name: "aggregator", dns: [SERVER_NAME], usage: ["server"] });
const agent = await authority.issue({ name: "agent-1", usage: ["client"] });

/** Stops the collector until records wait in its socket: those go down with it. */
async function stall(collector: CollectorProcess, exporter: Exporter): Promise<void> {
  collector.process.signal("SIGSTOP");
  const { next } = exporter;
  while (exporter.next < next + 500) await moment();
}

for (const transport of ["tcp", "tls"] as const) {
  Deno.test(`a collector killed ${KILLS} times under load over ${transport}: in order, nothing twice, templates first, no more lost than said`, async () => {
    const folder = await Deno.makeTempDir();
    const pem = transport === "tcp" ? {} : { ...aggregator, ca: authority.pem };
    const newCollector = () => new CollectorProcess({ transport, ...pem });
    let collector = newCollector();
    let spare = newCollector();
    const port = await collector.bind();
    const proxy = await ProxyProcess.start(
      transport === "tcp" ? { listen: [{ transport }], collector: { transport, port } } : {
        listen: [{ transport, files: await writeFiles(folder, "listener", { ...aggregator, ca: authority.pem }) }],
        collector: {
          transport,
          port,
          files: await writeFiles(folder, "collector", { ...agent, ca: authority.pem }),
          serverName: SERVER_NAME,
        },
      },
    );
    const exporter = new Exporter(
      transport === "tcp" ? await connectTcp(proxy.port) : await connectTls(proxy.port, authority, agent),
    );
    const holes: number[] = [];
    let lastBefore = -1;
    /** Looks at all that this collector got of its one connection, and counts what is missing before it. */
    const check = (finished: CollectorProcess) => {
      assert.ok(new Set(finished.collected().map(({ connection }) => connection)).size <= 1);
      const range = checkConnection(finished.collected());
      if (range === undefined) return;
      assert.ok(range.first > lastBefore, `record ${range.first} came after ${lastBefore}`);
      holes.push(range.first - lastBefore - 1);
      lastBefore = range.last;
    };
    for (let kill = 0; kill < KILLS; kill++) {
      const wanted = kill % 10 === 9 ? 1 : 200 + (kill * 37) % 500;
      await collector.until("it has some records", () => collector.records >= wanted);
      if (kill % 5 === 4) await stall(collector, exporter);
      await collector.process.kill("SIGKILL");
      check(collector);
      collector = spare;
      await collector.bind(port);
      spare = newCollector();
    }
    await spare.process.kill();
    await collector.until("the last one has some records", () => collector.records >= 200);
    await exporter.stop();
    await proxy.until("the session is closed", () => proxy.happened("session_closed").length === 1);
    await collector.process.kill("SIGTERM");
    check(collector);
    assert.equal(exporter.failure, undefined, "the exporter notices nothing");
    assert.equal(lastBefore, exporter.next - 1, "all that was sent after the last kill arrives");
    const said = proxy.happened("collector_lost").map(({ possiblyLost }) => Number(possiblyLost));
    assert.ok(said.length >= KILLS, `${said.length} losses reported`);
    const lost = holes.reduce((sum, hole) => sum + hole, 0);
    const bound = said.reduce((sum, one) => sum + one, 0);
    assert.ok(lost <= bound, `${lost} records lost, at most ${bound} reported`);
    holes.slice(1).forEach((hole, index) =>
      assert.ok(hole <= (said[index] ?? 0), `${hole} lost, at most ${said[index]} reported`)
    );
    const worst = Math.max(...holes);
    say(
      `${transport}: ${exporter.next} records, ${KILLS} kills, ${lost} lost in sockets (worst kill ${worst}), at most ${bound} reported`,
    );
    await proxy.process.kill("SIGTERM");
    await Deno.remove(folder, { recursive: true });
  });
}
