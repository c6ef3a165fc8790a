import { killCollectors } from "./collector_killed.ts";

Deno.test("a collector killed 100 times under load over tcp: in order, no duplicates, templates first, losses within the bound", () =>
  killCollectors("tcp"));
