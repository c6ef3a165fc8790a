import { kubernetesTest } from "../tools/kubernetes_test_case.ts";
import { walkRunbook } from "./walk.ts";

for (const order of ["agents-first", "aggregator-first"] as const) {
  kubernetesTest(`the runbook from v1.15 to v2.0 that plan prints, carried out completely: ${order}`, async () => {
    // deno-lint-ignore no-console -- the figures of this walk
    console.log(await walkRunbook("v1.15.2", "v2.0.0", order));
  });
}
