/** The way back from each step of a runbook, by the commands that `plan` prints, at a real API server. */
import assert from "node:assert/strict";
import { runbook, type Step } from "../../../src/upgrade/runbook.ts";
import { planUpgrade } from "../../../src/upgrade/upgrade.ts";
import { UPSTREAM } from "../overlays/upstream.ts";
import { ApiServer } from "../tools/api_server.ts";
import { kubernetesTest } from "../tools/kubernetes_test_case.ts";
import { Checkout } from "./checkout.ts";
import { savedObjects } from "./saved_objects.ts";

/** Commands that wait for Pods, ask a proxy, or change Agents: there are none here. */
const WITHOUT_PODS = /rollout status|port-forward|^deno task|antrea-agent|-f antrea-|antrea-config/;

function textOf(release: string): string {
  const { text } = UPSTREAM.find((each) => each.release === release) ?? assert.fail(release);
  return text.replaceAll("antrea/flow-aggregator:latest", `antrea/flow-aggregator:${release}`);
}

/** The names of objects that differ. */
function changes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name))
    .sort();
}

for (
  const [from, to, overlay] of [
    ["v2.3.2", "v2.7.0", "gateway"],
    ["v1.13.4", "v2.0.0", "gateway"],
    ["v2.3.2", "v2.7.0", "sidecar"],
  ] as const
) {
  kubernetesTest(
    `each step from ${from} to ${to} by a ${overlay} can be gone back, and leaves the objects as they were`,
    async () => {
      await using server = await ApiServer.start();
      await using checkout = await Checkout.make({
        "flow-aggregator.yml": textOf(from),
        [`flow-aggregator-${from}.yml`]: textOf(from),
        [`flow-aggregator-${to}.yml`]: textOf(to),
      });
      const run = async (lines: readonly string[]) => {
        for (const line of lines) if (!WITHOUT_PODS.test(line)) await checkout.run(line, server);
      };
      const upgrade = planUpgrade(from, to, "agents-first", false, overlay);
      const there = ({ commands, back }: Step) =>
        [commands, back].map((lines) => lines.filter((each) => !WITHOUT_PODS.test(each)));
      await run(["kubectl apply -f flow-aggregator.yml"]);
      const gone: string[] = [];
      for (const step of runbook(upgrade).steps) {
        const [commands = [], back = []] = there(step);
        const before = await savedObjects(server);
        await run(commands);
        if (back.length === 0) continue;
        gone.push(step.title);
        assert.notDeepEqual(changes(before, await savedObjects(server)), [], `${step.title} changes nothing`);
        await run(back);
        // What the new release alone has, an upgrade without a proxy leaves as well.
        const left = changes(before, await savedObjects(server)).filter((name) =>
          before.has(name) || /skew/.test(name)
        );
        assert.deepEqual(left, [], step.title);
        await run(commands);
      }
      assert.deepEqual(gone, [
        `Put the proxy in (${overlay})`,
        "Turn the Service to the proxy",
        `Upgrade the Flow Aggregator to ${to}`,
      ]);
    },
  );
}
