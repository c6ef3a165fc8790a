/** `.github/SECURITY.md`: each sentence of its threat model names a test, and each of these exists. */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** Tests that a document names: a file in code, then the test's name in quotes. */
function namedTests(text: string): { file: string; name: string }[] {
  const all = text.replaceAll(/\s+/g, " ").matchAll(/`([\w/.-]+_test\.ts)`: "([^"]+)"/g);
  return [...all].map(([, file = "", name = ""]) => ({ file, name }));
}

/** Why a named test does not exist; undefined where it does. */
function missing({ file, name }: { file: string; name: string }, read: (file: string) => string): string | undefined {
  try {
    return read(file).includes(`"${name}"`) ? undefined : `${file} has no test "${name}"`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `${file} does not exist`;
    throw error;
  }
}

const readFile = (file: string) => Deno.readTextFileSync(new URL(file, ROOT));

Deno.test("every test that SECURITY.md names exists, and no sentence of its lists is without one", () => {
  const text = readFile(".github/SECURITY.md");
  const tests = namedTests(text);
  assert.ok(tests.length > 20);
  assert.deepEqual(tests.flatMap((test) => missing(test, readFile) ?? []), []);
  const sentences = text.split(/\n(?=- |\n)/).filter((part) => part.startsWith("- "));
  assert.deepEqual(sentences.filter((sentence) => namedTests(sentence).length === 0), []);
});

Deno.test("a test that does not exist is found, by its name or its file", () => {
  const [wrong, gone] = namedTests('- It cannot (`a_test.ts`:\n  "never") or (`b_test.ts`: "ever").');
  assert.ok(wrong !== undefined && gone !== undefined);
  const read = (file: string) => {
    if (file === "a_test.ts") return 'Deno.test("always", () => {});';
    throw new Deno.errors.NotFound();
  };
  assert.equal(missing(wrong, read), 'a_test.ts has no test "never"');
  assert.equal(missing(gone, read), "b_test.ts does not exist");
});
