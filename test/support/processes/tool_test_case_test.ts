import assert from "node:assert/strict";
import { debianTool, findProgram, reasonToSkip } from "./tool_test_case.ts";

Deno.test("a missing program is named with how to get it; a present one is not", () => {
  assert.equal(
    reasonToSkip(debianTool("no-such-program", "some-package")),
    "no-such-program is not installed: install the Debian package some-package",
  );
  assert.equal(reasonToSkip({ program: "sh", remedy: "" }), undefined);
  assert.ok(findProgram("sh")?.endsWith("/sh"));
});
