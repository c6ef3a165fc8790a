/** Every pair of releases through the proxy, from any transport to any other: tcp, mutual tls, udp. */
import assert from "node:assert/strict";
import { issueIdentities } from "./peers/identities.ts";
import { interopTest } from "./interop_test_case.ts";
import { measureTransports } from "./measure/measure_transports.ts";
import type { Transport } from "./peers/peers.ts";
import { agentLines, collectorLines } from "./peers/releases.ts";

const transports: readonly Transport[] = ["tcp", "tls", "udp"];
const records = 6;
/**
 * Collectors, each with its proxy, at the same time: while one's processes start, another's records are on their way.
 */
const atOnce = 2;

/** No release needs an exception: each one's exporters and collectors take all three transports, and mutual tls. */
const right = { delivered: records, exact: records, correct: records, closed: false };

for (const to of transports) {
  interopTest(`through the proxy, from tcp, tls and udp to ${to}: every pair, the older template known`, async () => {
    await using identities = await issueIdentities();
    const waiting = [...collectorLines];
    const worker = async () => {
      for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
        const options = { from: transports, to, identities, records };
        const { log, ...measured } = await measureTransports(line, agentLines, options);
        const expected = transports.flatMap((transport) =>
          agentLines.map(({ name }) => ({ transport, agent: name, ...right }))
        );
        assert.deepEqual(measured, { agents: expected, panic: null }, `to ${line.name}\n${log.join("\n")}`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  });
}
