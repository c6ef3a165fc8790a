import { killCollectors } from "./collector_killed.ts";

Deno.test("a collector killed 100 times under load over tcp: in order, nothing twice, templates first, no more lost than said", () =>
  killCollectors("tcp"));
