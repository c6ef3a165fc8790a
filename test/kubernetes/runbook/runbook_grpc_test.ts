import { kubernetesTest } from "../tools/kubernetes_test_case.ts";
import { walkRunbook } from "./walk.ts";

kubernetesTest("the runbook from v2.3 to v2.7: Agents come back by gRPC, and nobody pins them", async () => {
  // deno-lint-ignore no-console -- the figures of this walk
  console.log(await walkRunbook("v2.3.2", "v2.7.0", "agents-first"));
});
