import assert from "node:assert/strict";
import { PATIENCE } from "../../../test/support/time/until.ts";
import { linesOf } from "../../../test/support/processes/text_lines.ts";
import { denoArguments, runCommand, startCommand } from "../../../test/support/processes/run_command.ts";
import { loadProfile } from "../../config/profiles/profiles.ts";
import { EmbeddedAgent } from "../../demo/embedded_agent.ts";
import { EmbeddedAggregator } from "../../demo/embedded_aggregator.ts";
import { wrongAbout } from "../../demo/record_judgement.ts";

type LogLine = Record<string, unknown>;

async function withConfiguration<Result>(yaml: string, use: (file: string) => Promise<Result>): Promise<Result> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, yaml);
    return await use(file);
  } finally {
    await Deno.remove(file);
  }
}

function configuration(collector: { readonly port: number }, listen = "127.0.0.1:0"): string {
  return `
listen: [{ transport: tcp, address: "${listen}" }]
collector: { transport: tcp, address: "127.0.0.1:${collector.port}", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
`;
}

function port(address: unknown): number {
  return Number(/:(\d+)$/.exec(String(address))?.[1]);
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`serve relays, and drains and ends with 0 at ${signal}`, async () => {
    const profile = loadProfile("antrea/v1.15");
    const aggregator = new EmbeddedAggregator(profile);
    await withConfiguration(configuration(aggregator.address), async (file) => {
      const child = startCommand("serve", ["--config", file]);
      await child.stdin.close();
      const stdout = new Response(child.stdout).text();
      const lines: LogLine[] = [];
      const agent = new EmbeddedAgent(loadProfile("antrea/v2.0"), "node-1");
      for await (const text of linesOf(child.stderr)) {
        const line = JSON.parse(text);
        lines.push(line);
        if (line.event !== "started") continue;
        const destination = { hostname: "127.0.0.1", port: port(line.listen[0]) };
        await agent.connect(destination, async () => void await aggregator.nextEffect(PATIENCE));
        for (const number of [0, 1, 2, 3]) {
          const { flow } = await agent.send(number);
          const record = (await aggregator.nextEffect(PATIENCE))?.records[0];
          assert.ok(record, `flow ${number} never came`);
          assert.equal(wrongAbout(flow, record, profile), undefined);
        }
        const ready = await fetch(`http://127.0.0.1:${port(line.admin)}/ready`);
        assert.equal(ready.status, 200);
        await ready.body?.cancel();
        child.kill(signal);
        await agent.close();
      }
      assert.equal((await child.status).code, 0, JSON.stringify(lines));
      assert.equal(await stdout, "");
      const events = lines.map(({ event }) => event);
      for (const event of ["started", "session_opened", "template_mapped", "draining", "session_closed", "stopped"]) {
        assert.ok(events.includes(event), `${event} is not among ${events}`);
      }
      assert.equal(events.filter((event) => event === "template_mapped").length, 2);
      for (const { time, level, message } of lines) assert.ok(time && level && message);
    });
    await aggregator.close();
  });
}

Deno.test("an address that is taken ends serve with 1", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const address = `127.0.0.1:${taken.addr.port}`;
    await withConfiguration(configuration({ port: 9 }, address), async (file) => {
      const { status, text, stderr } = await runCommand("serve", ["--config", file]);
      assert.deepEqual([status, text], [1, ""]);
      const line = JSON.parse(stderr);
      assert.equal(line.event, "start_failed");
      assert.match(line.message, new RegExp(`${address}`));
    });
  } finally {
    taken.close();
  }
});

Deno.test("a wrong configuration or environment ends serve with 2 before anything is bound", async () => {
  await withConfiguration("listen: []\n", async (file) => {
    const { status, stderr } = await runCommand("serve", ["--config", file]);
    assert.equal(status, 2);
    assert.match(stderr, /\.yaml:1:\d+: listen: /);
    assert.match(stderr, /collector: missing/);
  });
  await withConfiguration(configuration({ port: 9 }), async (file) => {
    const environment = { IPFIX_PROXY_LOG_LEVEL: "loud" };
    const { status, stderr } = await runCommand("serve", ["--config", file], { environment });
    assert.equal(status, 2);
    assert.match(stderr, /IPFIX_PROXY_LOG_LEVEL: "loud" is none of debug, info, warning, error/);
  });
  assert.equal((await runCommand("serve", ["--config", "/nowhere/proxy.yaml"])).status, 2);
});

Deno.test("a cache that may not be written ends serve with 2 and says which permission is missing; its task has it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await withConfiguration(`${configuration({ port: 9 })}cache: "${folder}/templates"\n`, async (file) => {
      const { status, stderr } = await runCommand("serve", ["--config", file]);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`^${file}: cannot write ${folder}/templates: .*--allow-write=${folder}`));
    });
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
  } finally {
    await Deno.remove(folder);
  }
  assert.deepEqual(denoArguments("serve:cache", []).filter((one) => one.startsWith("--allow")), [
    "--allow-write=cache",
  ]);
});

/** Serves until the process ends by itself, and returns its exit status and its log. */
async function served(
  collector: { readonly port: number },
  follow: (line: LogLine, child: Deno.ChildProcess) => unknown,
) {
  return await withConfiguration(configuration(collector), async (file) => {
    const child = startCommand("serve", ["--config", file]);
    await child.stdin.close();
    await child.stdout.cancel();
    const lines: LogLine[] = [];
    for await (const text of linesOf(child.stderr)) {
      const line = JSON.parse(text);
      lines.push(line);
      await follow(line, child);
    }
    return { code: (await child.status).code, lines };
  });
}

Deno.test("a SIGTERM after a requested drain joins it, as after a preStop hook; a second one ends it at once", async () => {
  const aggregator = new EmbeddedAggregator(loadProfile("antrea/v1.15"));
  const drain = { method: "POST", headers: { "Content-Type": "application/json" } };
  for (const signals of [["SIGTERM"], ["SIGTERM", "SIGINT"]] as const) {
    let admin: unknown;
    let exporter: Deno.TcpConn | undefined;
    const { code, lines } = await served(aggregator.address, async (line, child) => {
      if (line.event === "started") {
        admin = line.admin;
        const [listener] = line.listen as string[];
        exporter = await Deno.connect({ hostname: "127.0.0.1", port: port(listener) });
        await exporter.write(Uint8Array.fromHex("000a0010000000000000000000000001"));
      } else if (line.event === "session_opened") {
        await (await fetch(`http://${admin}/api/drain`, drain)).body?.cancel();
        for (const signal of signals) child.kill(signal);
      }
    });
    exporter?.close();
    const events = lines.map(({ event }) => event);
    assert.deepEqual([code, events.at(-1)], [0, "stopped"]);
    assert.equal(events.includes("stopping_at_once"), signals.length === 2, events.join());
  }
  await aggregator.close();
});

Deno.test("a signal that comes while the proxy puts things in order at its end does not cut that off", async () => {
  let address = { hostname: "127.0.0.1", port: 0 };
  let client: Deno.TcpConn | undefined;
  const { code } = await served({ port: 9 }, async (line, child) => {
    if (line.event === "started") {
      address = { hostname: "127.0.0.1", port: port(line.admin) };
      client = await Deno.connect(address);
      // A change whose body does not come: the admin server waits for its answer when it closes.
      const head = "POST /api/sessions/1/capture HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
      await client.write(new TextEncoder().encode(`${head}Content-Length: 2\r\n\r\n`));
      // Answered once that has been read.
      await (await fetch(`http://127.0.0.1:${address.port}/api/status`)).body?.cancel();
      child.kill("SIGTERM");
    } else if (line.event === "draining") {
      while (await Deno.connect(address).then((probe) => (probe.close(), true), () => false));
      try {
        child.kill("SIGTERM");
      } catch { /* This test was so late that the proxy has ended by itself. */ }
    }
  });
  client?.close();
  assert.equal(code, 0);
});

Deno.test("SIGHUP, POST /api/reload and a change of the file reload; what is wrong is answered with its place", async () => {
  await withConfiguration(configuration({ port: 9 }), async (file) => {
    const child = startCommand("serve", ["--config", file]);
    await child.stdin.close();
    const stdout = new Response(child.stdout).text();
    const lines: LogLine[] = [];
    let admin = "";
    const post = () =>
      fetch(`http://${admin}/api/reload`, { method: "POST", headers: { "Content-Type": "application/json" } });
    for await (const text of linesOf(child.stderr)) {
      const line = JSON.parse(text);
      lines.push(line);
      if (line.event === "started") {
        admin = line.admin;
        child.kill("SIGHUP");
      } else if (line.trigger === "signal") {
        const answer = await post();
        assert.deepEqual([answer.status, await answer.json()], [200, { applied: true, mistakes: [] }]);
        await Deno.writeTextFile(file, `${configuration({ port: 9 })}mode: sideways\n`);
      } else if (line.trigger === "change") {
        assert.equal(line.event, "config_refused");
        const answer = await post();
        const { mistakes } = await answer.json();
        assert.equal(answer.status, 422);
        assert.match(mistakes[0], /\.yaml:5:7: mode: "sideways" is not allowed/);
        const metrics = await (await fetch(`http://${admin}/metrics`)).text();
        assert.match(metrics, /config_reloads_total{outcome="applied"} 2/);
        assert.match(metrics, /config_reloads_total{outcome="refused"} 2/);
        child.kill("SIGTERM");
      }
    }
    assert.equal((await child.status).code, 0, JSON.stringify(lines));
    assert.equal(await stdout, "");
    assert.deepEqual(lines.flatMap(({ trigger }) => trigger ?? []), ["signal", "request", "change", "request"]);
  });
});

Deno.test("all addresses that are taken are named at once, the admin server's too", async () => {
  const taken = [0, 1, 2].map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const [first, second, admin] = taken.map(({ addr }) => (addr as Deno.NetAddr).port);
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(
      file,
      `listen: [{ address: 127.0.0.1:${first} }, { address: 127.0.0.1:0 }, { address: 127.0.0.1:${second} }]
collector: { address: 127.0.0.1:4739, profile: rfc7011 }
admin: { address: 127.0.0.1:${admin} }
`,
    );
    const { status, stderr } = await runCommand("serve", ["--config", file]);
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`cannot listen on tcp 127.0.0.1:${first}`));
    assert.match(stderr, new RegExp(`cannot listen on tcp 127.0.0.1:${second}`));
    assert.match(stderr, new RegExp(`admin.address: cannot listen on 127.0.0.1:${admin}: the address is in use`));
  } finally {
    for (const listener of taken) listener.close();
    await Deno.remove(file);
  }
});
