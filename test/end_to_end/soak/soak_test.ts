import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

Deno.test("a few seconds of soak: faults of every kind are survived, and every record accounted for", async () => {
  const args = ["run", "--quiet", "--no-prompt", "--allow-all", fileURLToPath(new URL("main.ts", import.meta.url))];
  const soak = new Deno.Command(Deno.execPath(), {
    args: [...args, "--minutes", "0.1", "--seed", "1", "--agents", "5"],
  });
  const { code, stdout, stderr } = await soak.output();
  const [said, complaints] = [stdout, stderr].map((octets) => new TextDecoder().decode(octets));
  assert.equal(code, 0, `${said}\n${complaints}`);
  assert.match(said ?? "", /nothing lost that a direct connection keeps\n$/);
});
