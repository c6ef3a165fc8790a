import { startAdmin } from "../admin/start_admin.ts";
import { detectAntreaRelease } from "../config/profiles/antrea_eras.ts";
import { automaticChain } from "../config/sections/chains.ts";
import { registryHistory } from "../config/profiles/registries.ts";
import { type Destination, EmbeddedAgent } from "./embedded_agent.ts";
import { EmbeddedAggregator } from "./embedded_aggregator.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { formatAddress } from "../proxy/transport/address.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import { ServedProxy, type ServedProxyOptions } from "../service/served_proxy.ts";
import { writeLine } from "../terminal/terminal.ts";
import { automaticTreatment } from "../offline/release_treatment.ts";

/** Returns the real proxy, with its default plugins, on a free loopback port in front of a collector. */
export function demoProxy(
  collector: Destination,
  expected: Profile,
  report: ReportEvent,
  settings: Pick<ServedProxyOptions, "skewSettle"> = {},
): ServedProxy {
  const treatment = automaticTreatment(expected);
  const listen = { transport: "tcp" as const, address: { hostname: "127.0.0.1", port: 0 } };
  return new ServedProxy({
    ...settings,
    listeners: [listen],
    collector: { transport: "tcp", address: collector },
    profile: expected,
    mode: "rewrite",
    configuration: {
      listen: ["tcp 127.0.0.1, a free port"],
      mode: "rewrite",
      collector: `tcp ${formatAddress(collector)}`,
      profile: expected.name,
      dialect: expected.dialect.name,
      chain: automaticChain(expected).map(({ use, options }) => ({ use, options })),
    },
    mediation: {
      chooseTreatment: () => treatment,
      registryHistory: registryHistory(),
      detectRelease: (template) => detectAntreaRelease(template)?.profile,
    },
  }, report);
}

/** Milliseconds between the flows of each Agent while the demo is kept running. */
const PERIOD = 1000;

/**
 * Keeps the middle of an upgrade running until SIGINT or SIGTERM: an Aggregator and one Agent of the old release, the
 * other Agents of the new one, and the proxy between them, with its dashboard.
 */
export async function keepSending(from: Profile, to: Profile, nodes: readonly string[]): Promise<void> {
  const aggregator = new EmbeddedAggregator(from);
  const proxy = demoProxy(aggregator.address, from, () => {});
  const [listener] = await proxy.start();
  if (listener === undefined) throw new Error("the proxy listens nowhere");
  const admin = await startAdmin(proxy.view, { hostname: "127.0.0.1", port: 0 });
  const agents = nodes.map((node, index) => new EmbeddedAgent(index === 0 ? from : to, node));
  await writeLine(`The proxy keeps running until Ctrl-C:
  proxy       ${formatAddress(listener.address)} (send IPFIX over TCP here)
  dashboard   http://${formatAddress(admin)}/
  admin       http://${formatAddress(admin)}/api/status
  Aggregator  ${formatAddress(aggregator.address)} (${from.name})
  Agents      ${agents.map(({ node, profile }) => `${node} ${profile.name}`).join("\n              ")}
              one flow each per second`);
  const ended = untilSignal();
  let arrived = 0;
  const count = async () => {
    for (let effect = await aggregator.nextEffect(0); effect !== undefined; effect = await aggregator.nextEffect(0)) {
      arrived += effect.records.length;
    }
  };
  for (let flow = 0; !ended.signal.aborted; flow++) {
    for (const agent of agents) {
      if (!agent.connected) await agent.connect(listener.address, () => Promise.resolve());
      await agent.send(flow);
    }
    await ended.wait(PERIOD);
    await count();
  }
  await Promise.all(agents.map((agent) => agent.close()));
  await proxy.drained();
  // What was on its way has arrived.
  await count();
  await admin.close();
  await aggregator.close();
  await writeLine(`\n${arrived} records arrived.`);
}

/** Returns a signal that aborts on the first SIGINT or SIGTERM. */
function untilSignal(): { readonly signal: AbortSignal; wait(milliseconds: number): Promise<void> } {
  const controller = new AbortController();
  const abort = () => {
    for (const name of SIGNALS) Deno.removeSignalListener(name, abort);
    controller.abort();
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, abort);
  return {
    signal: controller.signal,
    wait: (milliseconds) =>
      new Promise((resolve) => {
        const timer = setTimeout(end, milliseconds);
        function end() {
          clearTimeout(timer);
          controller.signal.removeEventListener("abort", end);
          resolve();
        }
        controller.signal.addEventListener("abort", end);
        if (controller.signal.aborted) end();
      }),
  };
}

const SIGNALS: readonly ("SIGINT" | "SIGTERM")[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
