import assert from "node:assert/strict";
import { Hono } from "hono";
import { unreadAnswers } from "./unread_answers.ts";
import { UnreadOctets } from "./unread_octets.ts";

function server() {
  const app = new Hono();
  app.use(unreadAnswers(new UnreadOctets(450_000)));
  app.get("/long", (context) => context.text("ä".repeat(50_000)));
  app.get("/short", (context) => context.text("short"));
  return app;
}

Deno.test("unread long answers are bounded in octets; past the bound others get 503 until one is read", async () => {
  const app = server();
  assert.equal(await (await app.request("/short")).text(), "short");
  const first = await app.request("/long");
  const second = await app.request("/long");
  const more = await app.request("/long");
  const refused = await app.request("/long");
  assert.equal(refused.status, 503);
  assert.match((await refused.json()).error, /unread/);
  assert.equal(await first.text(), "ä".repeat(50_000));
  const third = await app.request("/long");
  assert.equal(third.status, 200);
  await second.body?.cancel();
  await more.body?.cancel();
  assert.equal(await (await app.request("/long")).text(), "ä".repeat(50_000));
  await third.body?.cancel();
});
