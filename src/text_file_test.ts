import assert from "node:assert/strict";
import { readTextFile, readTextFileNow } from "./text_file.ts";
import { systemReason } from "./error_message.ts";

function refusal(read: () => string): string {
  try {
    read();
  } catch (error) {
    return systemReason(error);
  }
  return "read";
}

Deno.test("a file is read up to 4 MiB, and nothing that is not one: a directory, a device without end, a pipe without a writer", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/text`, "ä".repeat(70_000));
    await Deno.writeFile(`${folder}/large`, new Uint8Array(4 * 2 ** 20 + 1));
    await Deno.writeTextFile(`${folder}/empty`, "");
    assert.equal((await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output()).code, 0);
    for (const read of [readTextFile, readTextFileNow]) {
      assert.equal(read(`${folder}/text`), "ä".repeat(70_000));
      assert.equal(read(`${folder}/empty`), "");
      assert.equal(read("/dev/null"), "");
      assert.equal(refusal(() => read(`${folder}/large`)), "it is larger than 4 MiB");
      assert.equal(refusal(() => read("/dev/zero")), "it is larger than 4 MiB");
      assert.equal(refusal(() => read(folder)), "it is a directory");
      assert.equal(refusal(() => read(`${folder}/none`)), "there is no such file");
    }
    assert.equal(refusal(() => readTextFileNow(`${folder}/pipe`)), "it is a pipe that nobody has written to");
    assert.equal(refusal(() => readTextFile(`${folder}/pipe`)), "it is a pipe that nobody writes to (waited 1 s)");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a pipe is read to its end as long as its writer goes on within a second, however long that takes in all", async () => {
  const folder = await Deno.makeTempDir();
  const pipe = `${folder}/pipe`;
  try {
    assert.equal((await new Deno.Command("mkfifo", { args: [pipe] }).output()).code, 0);
    const script = `for part in 1 2 3 4 5 6 7 8; do sleep 0.15; echo $part; done > ${pipe}`;
    const writer = new Deno.Command("sh", { args: ["-c", script] }).spawn();
    assert.equal(readTextFile(pipe), "1\n2\n3\n4\n5\n6\n7\n8\n");
    assert.equal((await writer.status).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
