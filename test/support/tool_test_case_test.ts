import assert from "node:assert/strict";
import { debianTool, findProgram, reasonToSkip } from "./tool_test_case.ts";

Deno.test("a missing program says which it is and how to get it; one that is there gives no reason", () => {
  assert.equal(
    reasonToSkip(debianTool("no-such-program", "some-package")),
    "no-such-program is not installed: install the Debian package some-package",
  );
  assert.equal(reasonToSkip({ program: "sh", remedy: "" }), undefined);
  assert.ok(findProgram("sh")?.endsWith("/sh"));
});
