/** Tests that look at the page as a person does: in Debian's Chromium. */
import { type Browser, chromium } from "playwright-core";
import { debianTool, findProgram, reasonToSkip, toolTest } from "../support/processes/tool_test_case.ts";

const CHROMIUM = debianTool("chromium");

/**
 * Declares a test that gets a browser of its own. Without Chromium it is skipped, and says so; with `CI=true` it fails
 * instead.
 */
export function browserTest(name: string, run: (browser: Browser) => Promise<void>): void {
  toolTest(CHROMIUM, name, async () => {
    const executablePath = findProgram(CHROMIUM.program);
    if (executablePath === undefined) throw new Error(reasonToSkip(CHROMIUM));
    // As root, as in containers, Chromium has no sandbox; what it opens here is this project's own page.
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    try {
      await run(browser);
    } finally {
      await browser.close();
    }
    // The browser's driver keeps timers and pipes that end with the browser, later than its close().
  }, { sanitizeOps: false, sanitizeResources: false });
}
