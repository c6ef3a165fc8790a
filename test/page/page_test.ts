import assert from "node:assert/strict";
import axe from "axe-core";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { type AdminServer, startAdmin } from "../../src/admin/start_admin.ts";
import { demoProxy } from "../../src/demo/demo_proxy.ts";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import { EmbeddedAgent } from "../../src/demo/embedded_agent.ts";
import { EmbeddedAggregator } from "../../src/demo/embedded_aggregator.ts";
import { Counters } from "../../src/mediation/templates/counters.ts";
import { freePort } from "../support/free_port.ts";
import { FakeView, skewedSession } from "../support/fake_view.ts";
import { PATIENCE, until } from "../support/time/until.ts";
import { browserTest } from "./browser.ts";

const OLD = loadProfile("antrea/v1.15");
const NEW = loadProfile("antrea/v2.0");
const REMOVE = "No skew left: this proxy can be removed";

/** The real proxy before an Aggregator of the release before, with its admin server; all of it closed at the end. */
class Setting {
  aggregator = new EmbeddedAggregator(OLD, freePort());
  readonly proxy = demoProxy(this.aggregator.address, OLD, () => {}, { skewSettle: 1_000 });
  #admin: AdminServer | undefined;
  readonly #agents: EmbeddedAgent[] = [];
  #lost = false;

  async start(): Promise<void> {
    await this.proxy.start();
    this.#admin = await startAdmin(this.proxy.view, {
      hostname: "127.0.0.1",
      port: 0,
      pageInterval: 50,
      sampleEvery: 100,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#admin?.port}`;
  }

  /** An Agent that has sent its templates and one flow. */
  async agent(profile: typeof OLD, node: string): Promise<EmbeddedAgent> {
    const agent = new EmbeddedAgent(profile, node);
    this.#agents.push(agent);
    const address = this.proxy.proxy.addresses()[0]?.address;
    assert.ok(address !== undefined);
    await agent.connect(address, () => Promise.resolve());
    assert.equal((await agent.send(0)).written, true);
    return agent;
  }

  /** An Agent of either release, of which only the newer one, that is given, needs rewriting. */
  async bothAgents(): Promise<EmbeddedAgent> {
    await this.agent(OLD, "node-1");
    return await this.agent(NEW, "node-2");
  }

  /** The collector dies, and comes back under its address when the function that is given is called. */
  async loseCollector(): Promise<() => void> {
    const { port } = this.aggregator.address;
    await this.aggregator.close();
    this.#lost = true;
    return () => {
      this.aggregator = new EmbeddedAggregator(OLD, port);
      this.#lost = false;
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.close()));
    await this.#admin?.close();
    await this.proxy.close();
    if (!this.#lost) await this.aggregator.close();
  }
}

/** Runs with a setting and a page of it; whatever the page complains about fails the test. */
async function withPage(
  browser: Browser,
  options: Parameters<Browser["newContext"]>[0],
  run: (setting: Setting, page: Page) => Promise<void>,
): Promise<void> {
  const setting = new Setting();
  await setting.start();
  const context: BrowserContext = await browser.newContext(options);
  const complaints: string[] = [];
  try {
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => {
      if (!request.url().startsWith(setting.url)) complaints.push(`asked elsewhere: ${request.url()}`);
    });
    await run(setting, page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
    await setting.close();
  }
}

/** Opens the dashboard. Returns the rows of its sessions, once two are there. */
async function sessionsOf(setting: Setting, page: Page): Promise<Locator> {
  await page.goto(setting.url);
  const rows = page.locator("#sessions tbody tr");
  await rows.nth(1).waitFor();
  return rows;
}

/** No fault that axe-core calls serious or critical. */
async function assertAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run()");
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n  ")}`);
  assert.deepEqual(told, [], what);
}

async function assertFits(page: Page, what: string): Promise<void> {
  const over = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
  assert.ok(over <= 0, `${what}: ${over} pixels too wide`);
}

browserTest(
  "the page updates live: a session comes, its diff, the collector goes and comes back, the proxy can go",
  (browser) =>
    withPage(browser, {}, async (setting, page) => {
      await page.goto(setting.url);
      await page.getByText("No exporter has connected yet").first().waitFor();
      await page.getByText("No session is open.").first().waitFor();

      const agent = await setting.agent(NEW, "node-2");
      await page.getByText("This proxy is needed: 1 of 1 session need").waitFor();
      const releases = page.locator("#releases");
      await releases.getByText("v2.0-v2.5").waitFor();
      await releases.getByText("newer than the collector").waitFor();
      await page.locator("#losses").getByRole("row", { name: "egressNodeName 1 1 13 octets" }).waitFor();
      await page.locator("#records-chart canvas").waitFor();

      await page.locator("#sessions").getByRole("link", { name: "Session 1" }).click();
      const diff = page.locator(".template").first();
      await diff.locator("tr.stripped").getByText("egressNodeName").waitFor();
      await diff.getByText("stripped by strip-unknown").waitFor();
      await diff.locator("tr.kept").first().waitFor({ state: "hidden" });
      await diff.getByLabel("Only differences").uncheck();
      await diff.locator("tr.kept").first().waitFor();
      await agent.send(1);
      await page.locator("#lost").getByRole("row", { name: "egressNodeName 2" }).waitFor();
      assert.equal(await diff.locator("tr.kept").first().isVisible(), true, "news leave alone what a person chose");

      await page.goBack();
      const comeBack = await setting.loseCollector();
      await page.getByText(/^Collector 127\.0\.0\.1:\d+ is unreachable/).waitFor();
      await agent.send(2);
      comeBack();
      await page.locator("#collector .tag.good").getByText("connected").waitFor();
      await page.locator("#events").getByText("collector_lost").first().waitFor();

      assert.equal(await page.getByText(REMOVE).count(), 0);
      await agent.close();
      // With nobody there, nobody knows.
      await page.locator("#verdict").getByText(/^It is not known whether .*: no exporter is connected/).waitFor();
      assert.equal(await page.getByText(REMOVE).count(), 0);
      await setting.agent(OLD, "node-2");
      await page.locator("#verdict").getByText(REMOVE, { exact: true }).waitFor();
    }),
);

browserTest(
  "without JavaScript the first paint says all, and the search works",
  (browser) =>
    withPage(browser, { javaScriptEnabled: false }, async (setting, page) => {
      await setting.bothAgents();
      await until("both sessions are there", async () => {
        await page.goto(setting.url);
        return await page.getByText("1 of 2 sessions need rewriting").count() > 0;
      });
      assert.equal(await page.locator("#sessions tbody tr").count(), 2);
      await page.getByText(/^as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/).waitFor();
      await page.getByLabel("Search sessions").fill("v2.0");
      await page.getByRole("button", { name: "Search" }).click();
      assert.equal(await page.locator("#sessions tbody tr").count(), 1);
      assert.equal(await page.getByLabel("Search sessions").inputValue(), "v2.0");
    }),
);

browserTest(
  "typing filters the sessions, and what is typed stays while updates come",
  (browser) =>
    withPage(browser, {}, async (setting, page) => {
      const agent = await setting.bothAgents();
      const rows = await sessionsOf(setting, page);
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to the content");
      const search = page.getByLabel("Search sessions");
      await search.focus();
      await search.pressSequentially("EGRESSnode");
      await rows.nth(1).waitFor({ state: "detached" });
      await agent.send(1);
      await page.locator("#sessions").getByText("2 records lost a value").waitFor();
      assert.equal(await search.inputValue(), "EGRESSnode");
      assert.equal(await page.evaluate("document.activeElement.id"), "q", "the focus stays where it is");
      assert.match(page.url(), /\?q=EGRESSnode$/);
    }),
);

browserTest(
  "a session in focus stays in focus while the table is sorted anew around it",
  (browser) =>
    withPage(browser, {}, async (setting, page) => {
      await setting.agent(NEW, "node-1");
      const second = await setting.agent(NEW, "node-2");
      await sessionsOf(setting, page);
      const sessions = () => page.locator("#sessions tbody a").allTextContents();
      const first = page.getByRole("link", { name: "Session 1" }).first();
      await first.focus();
      const before = await sessions();
      for (const number of [1, 2, 3]) await second.send(number);
      await page.locator("#sessions").getByText("4 records lost a value").waitFor();
      assert.deepEqual([before, await sessions()], [["1", "2"], ["2", "1"]]);
      assert.equal(await page.evaluate("document.activeElement.textContent"), "1");
    }),
);

browserTest(
  "a session that has ended stays to be looked at: in a table, on its page with its templates, and in the search",
  (browser) =>
    withPage(browser, { viewport: { width: 390, height: 800 } }, async (setting, page) => {
      const agent = await setting.bothAgents();
      await sessionsOf(setting, page);
      assert.equal(await page.locator("#ended").count(), 0);
      await agent.close();
      const ended = page.locator("#ended");
      await ended.getByText("closed").waitFor();
      await ended.getByText("1 record lost a value").waitFor();
      await assertAccessible(page, "a session has ended");
      await assertFits(page, "a session has ended");
      await page.getByLabel("Search sessions").fill("egressNodeName");
      await page.locator("#sessions").getByText("No session matches.").waitFor();
      await ended.getByRole("link", { name: "Session 2" }).click();
      await page.getByText(/^It ended at .*: closed\.$/).waitFor();
      await page.locator(".template tr.stripped").getByText("egressNodeName").first().waitFor();
      await page.locator("#lost").getByRole("row", { name: "egressNodeName 1 1 13 octets" }).waitFor();
      await page.locator("#events").getByText("session_closed").waitFor();
      assert.equal(await page.getByRole("button", { name: "Close this session" }).count(), 0);
    }),
);

browserTest(
  "each number of a release leads to the sessions that it counts, which stay those while updates come",
  (browser) =>
    withPage(browser, {}, async (setting, page) => {
      const agent = await setting.bothAgents();
      const rows = await sessionsOf(setting, page);
      await page.locator("#releases").getByRole("row", { name: /^v2\.0-v2\.5/ }).locator("td a").click();
      await page.getByText("Only sessions of v2.0-v2.5 that need rewriting.").waitFor();
      await agent.send(1);
      await page.locator("#sessions").getByText("2 records lost a value").waitFor();
      assert.equal(await rows.count(), 1);
      await page.getByRole("link", { name: "Show all" }).click();
      await rows.nth(1).waitFor();
    }),
);

browserTest(
  "axe-core finds no serious fault, and everything fits, in light and dark, from 360 to 1920 pixels",
  async (browser) => {
    for (const [colorScheme, width] of [["light", 360], ["dark", 1920], ["light", 1280], ["dark", 360]] as const) {
      await withPage(browser, { colorScheme, viewport: { width, height: 800 } }, async (setting, page) => {
        const what = `${colorScheme}, ${width}`;
        await setting.bothAgents();
        await page.goto(setting.url);
        await page.getByText("1 of 2 sessions need rewriting").waitFor();
        await page.locator("#records-chart canvas").waitFor();
        await assertAccessible(page, what);
        await assertFits(page, what);
        const table = await page.evaluate<number>(
          "(t => t.scrollWidth - t.clientWidth)(document.querySelector('#sessions .scroll'))",
        );
        assert.ok(table <= 0, `${what}: ${table} pixels of the sessions' release and peer are beyond the edge`);
        await page.goto(`${setting.url}/sessions/2`);
        await page.locator("tr.stripped").first().waitFor();
        await assertAccessible(page, `${what}, session`);
        await assertFits(page, `${what}, session`);
        const diff = await page.evaluate<number>(
          "(t => t.scrollWidth - t.clientWidth)(document.querySelector('.template .scroll'))",
        );
        assert.ok(diff <= 0, `${what}: ${diff} pixels of the fields are beyond the edge`);
        if (width > 360) return;
        await setting.loseCollector();
        await page.goto(setting.url);
        await page.getByText(/is unreachable/).first().waitFor();
        await assertAccessible(page, `${what}, collector away`);
      });
    }
  },
);

browserTest(
  "from the session's page, a capture is saved, and the session closed once it was asked about",
  (browser) =>
    withPage(browser, { acceptDownloads: true }, async (setting, page) => {
      await setting.agent(NEW, "node-2");
      await page.goto(`${setting.url}/sessions/1`);
      await page.getByLabel("At most seconds").fill("1");
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Capture" }).click(),
      ]);
      assert.equal(download.suggestedFilename(), "session-1.tar");
      await page.getByText("saved session-1.tar").waitFor();

      const questions: string[] = [];
      page.once("dialog", (dialog) => {
        questions.push(dialog.message());
        void dialog.dismiss();
      });
      await page.getByRole("button", { name: "Close this session" }).click();
      assert.deepEqual(questions, ["Close session 1? The exporter will reconnect."]);
      assert.equal([...setting.proxy.proxy.sessions()].length, 1, "no was said");
      page.once("dialog", (dialog) => void dialog.accept());
      await page.getByRole("button", { name: "Close this session" }).click();
      await page.getByText("This session is no longer open").waitFor();
      await page.getByRole("button", { name: "Close this session" }).waitFor({ state: "hidden" });
    }),
);

browserTest(
  "a stripped field's name breaks between its words only, and on a telephone its last value is in sight",
  async (browser) => {
    const name = "destinationServiceIPv6";
    const value = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";
    const counters = new Counters();
    counters.fieldsStripped.add(name, 7);
    counters.informationLost.add(name, 7);
    const octets = new TextEncoder().encode(value);
    counters.noteLostValue(name, { type: "string", length: octets.length, octets });
    const view = new FakeView();
    view.open.push(skewedSession("1", { counters, rewrittenCounters: counters }));
    const admin = await startAdmin(view, { hostname: "127.0.0.1", port: 0 });
    try {
      const page = await browser.newPage();
      for (const width of [1280, 400]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(`http://127.0.0.1:${admin.port}/sessions/1`);
        const head = page.locator("#lost tbody th", { hasText: name });
        const lines = await linesOf(head);
        assert.equal(lines.join(""), name);
        assert.deepEqual(
          lines.filter((line) =>
            !["destination", "destinationService", "Service", "IPv6", "ServiceIPv6", name].includes(line)
          ),
          [],
        );
        const right = await page.locator("#lost").getByText(value).evaluate((element) =>
          element.getBoundingClientRect().right
        );
        assert.ok(right <= width, `at ${width} pixels the value ends at ${right}`);
      }
    } finally {
      await admin.close();
    }
  },
);

browserTest(
  "with its first sample the chart's axes show the hour before it, and quarters as they are",
  async (browser) => {
    const admin = await startAdmin(new FakeView(), { hostname: "127.0.0.1", port: 0, sampleEvery: 3_600_000 });
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      const time = Date.UTC(2026, 0, 1, 12, 0, 5) / 1000;
      const samples = [{ time, received: 0, sent: 0, dropped: 0, held: 0 }];
      await page.route("**/api/rates", (route) => route.fulfill({ json: { samples } }));
      await page.addInitScript(`
        globalThis.drawn = [];
        const fillText = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
          drawn.push(text);
          return fillText.call(this, text, ...rest);
        };
      `);
      await page.goto(`http://127.0.0.1:${admin.port}/`);
      await page.waitForFunction("drawn.length > 10");
      const drawn = await page.evaluate<string[]>("drawn");
      const times = drawn.filter((text) => text.includes(":"));
      assert.ok(times.includes("11:30:00"), String(times));
      assert.deepEqual(times.filter((text) => text < "11:00:05" || text > "12:00:05"), []);
      assert.ok(drawn.includes("0.25") && drawn.includes("0.75"), String(drawn));
    } finally {
      await admin.close();
    }
  },
);

/** The lines in which the text of an element is laid out. */
function linesOf(element: Locator): Promise<string[]> {
  return element.evaluate((element) => {
    const lines = new Map<number, string>();
    for (const node of element.childNodes) {
      const text = node.textContent ?? "";
      for (let at = 0; at < text.length; at++) {
        const range = element.ownerDocument.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        const { top } = range.getBoundingClientRect();
        lines.set(top, (lines.get(top) ?? "") + text[at]);
      }
    }
    return [...lines.values()];
  });
}
