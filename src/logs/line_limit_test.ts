import assert from "node:assert/strict";
import { formatWithinLimit, LINE_OCTETS } from "./line_limit.ts";

Deno.test("a line is limited in octets for any characters, and keeps its mandatory fields", () => {
  for (const character of ["x", "é", "€", "𝄞"]) {
    const content = { message: character.repeat(1_000), fields: { text: character.repeat(1_000), session: "7" } };
    const line = formatWithinLimit(content, (shortened) => `${JSON.stringify(shortened)}\n`, ["session"]);
    assert.ok(new TextEncoder().encode(line).length <= LINE_OCTETS, character);
    assert.match(line, /"session":"7"/);
  }
});
