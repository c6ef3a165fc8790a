import assert from "node:assert/strict";
import { TemplateIdSpace } from "./template_id_space.ts";

Deno.test("the exporter's own id is kept where it is free or has the same layout", () => {
  const space = new TemplateIdSpace();
  assert.equal(space.take(1, 256, "a"), 256);
  assert.equal(space.take(1, 256, "a"), 256, "another session of the same release");
  assert.equal(space.take(2, 256, "b"), 256, "another observation domain is another space");
});

Deno.test("a layout that finds its id taken by another gets one from above, and shares it with its like", () => {
  const space = new TemplateIdSpace();
  space.take(1, 256, "a");
  assert.equal(space.take(1, 256, "b"), 65535);
  assert.equal(space.take(1, 256, "c"), 65534);
  assert.equal(space.take(1, 256, "b"), 65535);
});

Deno.test("an id is free again only when all who use it have given it back", () => {
  const space = new TemplateIdSpace();
  space.take(1, 256, "a");
  space.take(1, 256, "a");
  space.release(1, 256);
  assert.equal(space.take(1, 256, "b"), 65535, "one session still has its records decoded by it");
  space.release(1, 256);
  assert.equal(space.take(1, 256, "c"), 256);
});

Deno.test("giving back what nobody took changes nothing", () => {
  const space = new TemplateIdSpace();
  space.release(1, 256);
  space.take(1, 256, "a");
  space.release(1, 257);
  space.release(2, 256);
  assert.equal(space.take(1, 256, "b"), 65535);
});

Deno.test("ids stay above 255; when all are taken there is none", () => {
  const space = new TemplateIdSpace();
  for (let id = 256; id <= 65535; id++) assert.equal(space.take(1, id, `layout ${id}`), id);
  assert.equal(space.take(1, 256, "one more"), undefined);
  space.release(1, 300);
  assert.equal(space.take(1, 256, "one more"), 300);
});
