import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };

/** Leaves garbage that is old, begins a collection, and prints how much was collected and what is resident for it. */
const SCRIPT = `
  import { processMemory } from "${new URL("process_memory.ts", import.meta.url)}";
  const { begin, resident } = processMemory();
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  let garbage = Array.from({ length: 1_000 }, (_, index) => ({ index }));
  for (const each of garbage) registry.register(each);
  const live = Array.from({ length: 400_000 }, (_, index) => ({ index }));
  garbage = undefined;
  const before = resident();
  if (Deno.args[0] === "begin") begin();
  const grown = resident() - before;
  // Without a beginning, a second shows that nothing comes; with one it comes, however busy the machine is.
  const looks = Deno.args[0] === "begin" ? 3_000 : 50;
  for (let look = 0; look < looks && collected < 1_000; look++) await new Promise((go) => setTimeout(go, 20));
  console.log(JSON.stringify({ collected, grown, live: live.length }));
`;

async function run(...args: string[]): Promise<{ collected: number; grown: number }> {
  const flags = project.tasks.serve.split(" ").filter((flag) => flag.startsWith("--v8-flags="));
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", ...flags, SCRIPT, ...args],
    stdout: "piped",
    stderr: "inherit",
  });
  const { stdout } = await command.output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("with the flags that serve has, garbage is collected once that has begun, and none of it takes resident memory", async () => {
  const { collected, grown } = await run("begin");
  assert.ok(collected > 900, `${collected} of 1000 were collected`);
  assert.ok(grown < 16 * 2 ** 20, `${grown} octets more are resident`);
  assert.equal((await run()).collected, 0, "it is not collected anyway");
});
