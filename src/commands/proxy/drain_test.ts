import assert from "node:assert/strict";
import { linesOf } from "../../../test/support/processes/text_lines.ts";
import { FakeView, skewedSession } from "../../../test/support/fake_view.ts";
import { runCommand, startCommand } from "../../../test/support/processes/run_command.ts";
import { createAdmin } from "../../admin/admin.ts";
import { CommandFailure } from "../command_line/command_failure.ts";
import { drain, type DrainDependencies } from "./drain.ts";

/** Asks a real admin server over this view, as a client of this machine does. */
function asking(view: FakeView): DrainDependencies["ask"] {
  const app = createAdmin(view, { boundHost: "127.0.0.1" });
  return async (url, method) => {
    const headers = { "content-type": "application/json" };
    const answer = await app.request(url.href, { method, ...(method === "POST" ? { headers } : {}) }, {
      peer: "127.0.0.1",
    });
    if (!answer.ok) throw new Error(`HTTP status ${answer.status}`);
    return await answer.json();
  };
}

Deno.test("drain returns when the last session has ended, and not before", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"), skewedSession("2"));
  let pauses = 0;
  await drain("127.0.0.1:24780", {
    ask: asking(view),
    pause: () => {
      assert.ok(view.draining);
      pauses++;
      view.open.pop();
      return Promise.resolve();
    },
  });
  assert.equal(pauses, 2);
});

Deno.test("drain waits for what exporters that have left sent last", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1", { closing: true }));
  let pauses = 0;
  await drain("127.0.0.1:24780", {
    ask: asking(view),
    pause: () => {
      if (++pauses === 2) view.open.pop();
      return Promise.resolve();
    },
  });
  assert.equal(pauses, 2);
});

Deno.test("drain returns when the proxy is gone, or another process is there instead", async () => {
  for (const after of [() => Promise.reject(new Error("refused")), (view: FakeView) => asking(view)]) {
    const [old, next] = [new FakeView(), new FakeView()];
    for (const view of [old, next]) view.open.push(skewedSession("1"));
    let paused = false;
    const before = asking(old);
    await drain("http://127.0.0.1:24780", {
      // Begun no earlier: a rejection that nobody awaits yet would end the test.
      ask: async (url, method) => await (paused ? (await after(next))(url, method) : before(url, method)),
      pause: () => Promise.resolve(void (paused = true)),
    });
    assert.ok(paused);
  }
});

Deno.test("drain goes on while the proxy is too busy to answer, and ends at once when nobody listens any more", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  const answers = asking(view);
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const faults = [new Error("HTTP status 503"), new DOMException("timed out", "TimeoutError"), undefined, refused];
  let asked = 0;
  await drain("127.0.0.1:24780", {
    ask: (url, method) => {
      const fault = method === "POST" ? undefined : faults[asked++];
      return fault === undefined ? answers(url, method) : Promise.reject(fault);
    },
    pause: () => Promise.resolve(),
  });
  assert.equal(asked, faults.length);
  asked = 0;
  await drain("127.0.0.1:24780", {
    ask: (url, method) => method === "POST" ? answers(url, method) : Promise.reject(new Error(`silence ${asked++}`)),
    pause: () => Promise.resolve(),
  });
  assert.equal(asked, 10, "a proxy that gives no answer any more has ended");
});

Deno.test("what is not the proxy is not drained, whatever it answers", async () => {
  for (const answer of [undefined, null, {}, [], "ok", { draining: false }]) {
    await assert.rejects(
      drain("127.0.0.1:24780", { ask: () => Promise.resolve(answer), pause: () => Promise.resolve() }),
      (error) => error instanceof CommandFailure && error.exitStatus === 1 && /is not this proxy$/.test(error.message),
    );
  }
});

Deno.test("drain fails with 1 where nobody answers or the proxy refuses, with 2 for no address", async () => {
  const refuse = () => Promise.reject(new Error("HTTP status 403"));
  const pause = () => Promise.resolve();
  const failed = (status: number, message: RegExp) => (error: unknown) =>
    error instanceof CommandFailure && error.exitStatus === status && message.test(error.message);
  await assert.rejects(
    drain("127.0.0.1:1", { ask: refuse, pause }),
    failed(1, /cannot drain the proxy at http:\/\/127\.0\.0\.1:1: HTTP status 403/),
  );
  const away = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
  await assert.rejects(
    drain("127.0.0.1:1", { ask: () => Promise.reject(away), pause }),
    failed(1, /^error: cannot drain the proxy at http:\/\/127\.0\.0\.1:1: connection refused$/),
  );
  await assert.rejects(drain("ftp://x", { ask: refuse, pause }), failed(2, /--admin/));
});

Deno.test("a proxy that runs is drained by the command, and ends with 0", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  const port = (address: unknown) => /:(\d+)$/.exec(String(address))?.[1];
  try {
    await Deno.writeTextFile(
      file,
      `
listen: [{ transport: tcp, address: "127.0.0.1:0" }]
collector: { transport: tcp, address: "127.0.0.1:9", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
`,
    );
    const proxy = startCommand("serve", ["--config", file]);
    await proxy.stdin.close();
    const events: string[] = [];
    let drained: ReturnType<typeof runCommand> | undefined;
    for await (const text of linesOf(proxy.stderr)) {
      const line = JSON.parse(text);
      events.push(line.event);
      if (line.event === "started") drained = runCommand("drain", ["--admin", `127.0.0.1:${port(line.admin)}`]);
    }
    await proxy.stdout.cancel();
    const { code } = await proxy.status;
    assert.deepEqual({ code, last: events.at(-1) }, { code: 0, last: "stopped" });
    const outcome = await drained;
    assert.deepEqual([outcome?.status, outcome?.text, outcome?.stderr], [0, "", ""]);
  } finally {
    await Deno.remove(file);
  }
});
