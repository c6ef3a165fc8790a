import assert from "node:assert/strict";
import { FakeView, skewedSession } from "../../test/support/fake_view.ts";
import { until } from "../../test/support/time/until.ts";
import { startAdmin } from "./start_admin.ts";

Deno.test("over a socket: status, a change from this machine, a foreign Host; closing waits for no client of events", async () => {
  const view = new FakeView();
  const server = await startAdmin(view, { hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  try {
    const status = await fetch(`${url}/api/status`);
    assert.equal((await status.json()).version, "1.2.3");

    const drain = await fetch(`${url}/api/drain`, { method: "POST", headers: { "Content-Type": "application/json" } });
    assert.deepEqual(await drain.json(), { draining: true });
    assert.equal(view.draining, true);

    const foreign = await ask(
      server.port,
      "GET /api/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    assert.match(foreign, /^HTTP\/1\.1 403 /);
    const events = await fetch(`${url}/api/events`);
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader?.read())?.value ?? "", /^: /);
    view.emit({ event: "session_opened", time: new Date(), session: "1" });
    assert.match((await reader?.read())?.value ?? "", /^event: session_opened\n/);
    await server.close();
    await assert.rejects(async () => {
      while (!(await reader?.read())?.done);
      throw new Error("ended");
    });
    await until("the client of events is gone", () => view.listeners.size === 0);
  } finally {
    await server.close();
  }
});

Deno.test("HEAD is answered as GET without the body, and takes no client's place", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  const server = await startAdmin(view, { hostname: "127.0.0.1", port: 0, eventClients: 4 });
  const paths = ["/live", "/ready", "/metrics", "/api/status", "/api/sessions", "/api/sessions/1", "/api/sessions/9"];
  paths.push("/api/events", "/api/rates", "/api/drain", "/", "/sessions/1", "/live/dashboard", "/assets/page.css");
  try {
    const idle = view.listeners.size;
    for (const path of paths) {
      const request = `${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
      const [head, body] = (await ask(server.port, `HEAD ${request}`)).split("\r\n\r\n");
      assert.equal(body, "", path);
      if (path === "/live") assert.match(head ?? "", /\r\ncontent-length: 5\r\n/i);
      // A stream of events would not end by itself.
      const get = await firstOctets(server.port, `GET ${request}`);
      const comparable = (text = "") =>
        text.split("\r\n").filter((line) => !/^date:|^transfer-encoding:/i.test(line))
          // The figures of the process change from one scrape to the next.
          .map((line) => path === "/metrics" ? line.replace(/^content-length: .*/i, "content-length") : line).sort();
      assert.deepEqual(comparable(head), comparable(get.split("\r\n\r\n")[0]), path);
      await until("its place is free again", () => view.listeners.size === idle);
    }
    for (let times = 0; times < 8; times++) {
      const events = await fetch(`http://127.0.0.1:${server.port}/api/events`, { method: "HEAD" });
      assert.equal(events.status, 200);
      await until("its place is free again", () => view.listeners.size === idle);
    }
  } finally {
    await server.close();
  }
});

Deno.test("HEAD writes nothing of the runtime's to standard error", async () => {
  const script = `
    import { FakeView } from "${import.meta.resolve("../../test/support/fake_view.ts")}";
import { startAdmin } from "${import.meta.resolve("./start_admin.ts")}";
    const server = await startAdmin(new FakeView(), { hostname: "127.0.0.1", port: 0 });
    for (const path of ["/live", "/api/events"]) {
      await fetch(\`http://127.0.0.1:\${server.port}\${path}\`, { method: "HEAD" });
    }
    await server.close();
  `;
  // A process of its own: the runtime warns once a process.
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read", "--ignore-env", "-"],
    cwd: new URL("../..", import.meta.url),
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stderr } = await child.output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(code, 0);
});

Deno.test("a port that is taken is refused at once", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const { port } = taken.addr;
    await assert.rejects(startAdmin(new FakeView(), { hostname: "127.0.0.1", port }), /EADDRINUSE|in use/);
  } finally {
    taken.close();
  }
});

Deno.test("a request with more than a hundred headers is refused, and its connection closed", async () => {
  const server = await startAdmin(new FakeView(), { hostname: "127.0.0.1", port: 0 });
  try {
    const head = "GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    const more = (count: number) => Array.from({ length: count }, (_, index) => `x${index}: \r\n`).join("");
    assert.match(await firstOctets(server.port, `${head}${more(99)}\r\n`), /^HTTP\/1\.1 200 /);
    const refused = await firstOctets(server.port, `${head}${more(100)}\r\n`);
    assert.match(refused, /^HTTP\/1\.1 431 [^]*connection: close/i);
  } finally {
    await server.close();
  }
});

Deno.test("a body longer than a few KiB is refused before it is read, whatever the path, with or without its length", async () => {
  const view = new FakeView();
  view.capture = () => undefined;
  const server = await startAdmin(view, { hostname: "127.0.0.1", port: 0 });
  try {
    for (const path of ["/api/reload", "/api/sessions/1/capture"]) {
      const head =
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n`;
      const withLength = await firstOctets(server.port, `${head}Content-Length: 600000000\r\n\r\n`);
      assert.match(withLength, /^HTTP\/1\.1 413 [^]*at most 4096 octets/, path);
      const chunk = `1001\r\n${" ".repeat(4_097)}\r\n`;
      assert.match(
        await firstOctets(server.port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`),
        /^HTTP\/1\.1 413 /,
        path,
      );
    }
    const headers = { "Content-Type": "application/json" };
    const url = `http://127.0.0.1:${server.port}/api/sessions/1/capture`;
    const fits = await fetch(url, { method: "POST", headers, body: new Response('{"messages": 5}').body });
    assert.equal((await fits.json()).error, "no open session has this id");
  } finally {
    await server.close();
  }
});

Deno.test("with all places taken, connections that request nothing make room for those that do; the number of open ones is bounded", async () => {
  const server = await startAdmin(new FakeView(), { hostname: "127.0.0.1", port: 0, connections: 4 });
  const silent: Deno.TcpConn[] = [];
  let closed = 0;
  try {
    for (let count = 0; count < 10; count++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      silent.push(connection);
      void connection.read(new Uint8Array(1)).catch(() => null).then(() => closed++);
    }
    await until("those that were too many are closed", () => closed >= 6);
    assert.equal(closed, 6);
    let answer = "";
    await until("one that requests something is answered", async () => {
      answer = await ask(server.port, LIVE).catch(() => "");
      return answer.startsWith("HTTP/1.1 200");
    });
    assert.match(answer, /\r\nlive\n/);
  } finally {
    for (const connection of silent) connection.close();
    await server.close();
  }
});

Deno.test("a client that has closed its connection leaves its place to the next, however many there have been", async () => {
  const server = await startAdmin(new FakeView(), { hostname: "127.0.0.1", port: 0, connections: 4 });
  try {
    for (let count = 0; count < 20; count++) {
      assert.match(await ask(server.port, LIVE), /^HTTP\/1\.1 200 /, `client ${count}`);
    }
  } finally {
    await server.close();
  }
});

Deno.test("a connection is closed whose headers come an octet at a time, or whose body does not come", async () => {
  const view = new FakeView();
  view.capture = () => undefined;
  const server = await startAdmin(view, { hostname: "127.0.0.1", port: 0, headersWithin: 200 });
  const path = "POST /api/sessions/1/capture HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  try {
    for (const [first, slowly] of [["", LIVE], [`${path}Content-Length: 100\r\n\r\n`, ""]] as const) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      await connection.write(new TextEncoder().encode(first));
      let isOpen = true;
      const answer = new Response(connection.readable).text().catch(() => "").finally(() => isOpen = false);
      const writer = connection.writable.getWriter();
      for (const octet of slowly) {
        await writer.write(new TextEncoder().encode(octet)).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, isOpen ? 20 : 0));
      }
      assert.match(await answer, /^$|^HTTP\/1\.1 408 /);
    }
    assert.match(await ask(server.port, LIVE), /^HTTP\/1\.1 200 /);
  } finally {
    await server.close();
  }
});

Deno.test("a client that does not read its answer is closed after a time; one that waits for events is not", async () => {
  const view = new FakeView();
  const [template] = skewedSession("1").templates();
  const templates = Array.from({ length: 20_000 }, () => ({ ...template! }));
  view.open.push(skewedSession("1", { templates: () => templates }));
  const server = await startAdmin(view, { hostname: "127.0.0.1", port: 0, patience: 200, eventClients: 1 });
  try {
    const url = `http://127.0.0.1:${server.port}`;
    const events = await fetch(`${url}/api/events`);
    const reader = events.body?.getReader();
    await reader?.read();
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(new TextEncoder().encode("GET /api/sessions/1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    // Far more than the kernels hold. While it is unread, nobody else is answered at length; given up, it is memory no
    // more.
    const statuses: number[] = [];
    await until("it is closed, and others are answered again", async () => {
      // Where this process is too busy to read it in time, this answer is given up as well.
      const other = await fetch(`${url}/api/sessions/1`).catch(() => undefined);
      await other?.body?.cancel();
      if (other !== undefined) statuses.push(other.status);
      return statuses.includes(503) && statuses.at(-1) !== 503;
      // Without the limit under test it would be closed after half a minute.
    }, 20_000);
    const octets = (await new Response(connection.readable).arrayBuffer().catch(() => new ArrayBuffer())).byteLength;
    assert.ok(octets < 20_000_000, `${octets} octets were handed over`);
    view.emit({ event: "session_opened", time: new Date(), session: "1" });
    assert.match(new TextDecoder().decode((await reader?.read())?.value), /session_opened/);
    await reader?.cancel();
  } finally {
    await server.close();
  }
});

Deno.test("requests sent ahead are answered one after the other; a client that sends many is disconnected", async () => {
  const view = new FakeView();
  let asked = 0;
  const server = await startAdmin(Object.assign(view, { sessions: () => (asked++, []) }), {
    hostname: "127.0.0.1",
    port: 0,
  });
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  try {
    const three = await ask(server.port, request("/live") + request("/api/nothing") + LIVE);
    assert.deepEqual(three.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
    // The first answer has no end, and until then there is none to those behind it.
    asked = 0;
    const few = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await few.write(new TextEncoder().encode(request("/api/events") + request("/api/sessions").repeat(3)));
    await ask(server.port, LIVE);
    assert.equal(asked, 0);
    const many = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const octets = new TextEncoder().encode(request("/api/events") + request("/api/sessions").repeat(2_000));
    await many.write(octets).catch(() => {});
    await new Response(many.readable).text().catch(() => "");
    assert.equal(asked, 0);
    few.close();
    assert.match(await ask(server.port, LIVE), /^HTTP\/1\.1 200 /);
  } finally {
    await server.close();
  }
});

const LIVE = "GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

/** What the server answers to these octets, until it closes. */
async function ask(port: number, request: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  return await new Response(connection.readable).text();
}

/** What the server answers first; then the connection is closed. */
async function firstOctets(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  const octets = new Uint8Array(65_536);
  return new TextDecoder().decode(octets.subarray(0, await connection.read(octets) ?? 0));
}
