/** Tests that look at the page as a person does: in Debian's Chromium. */
import { type Browser, chromium } from "playwright-core";

const PROGRAM = "chromium";

/** Where the browser is; undefined: not on this machine. */
function findBrowser(): string | undefined {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    try {
      const path = `${directory}/${PROGRAM}`;
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) throw error;
    }
  }
  return undefined;
}

const executablePath = findBrowser();
let told = false;

/**
 * Declares a test that gets a browser of its own. Where there is none, the test is skipped with one line that says so; where `CI` is
 * `true` nothing is skipped, so that it fails there instead.
 */
export function browserTest(name: string, run: (browser: Browser) => Promise<void>): void {
  const ignore = executablePath === undefined && Deno.env.get("CI") !== "true";
  if (ignore && !told) {
    told = true;
    Deno.stderr.writeSync(
      new TextEncoder().encode(`skipped: ${PROGRAM} is not installed (Debian package ${PROGRAM})\n`),
    );
  }
  Deno.test({
    name,
    ignore,
    // The browser's driver keeps timers and pipes that end with the browser, later than its close().
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      if (executablePath === undefined) throw new Error(`${PROGRAM} is not installed (Debian package ${PROGRAM})`);
      // As root, as in containers, Chromium has no sandbox; what it opens here is this project's own page.
      const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
      try {
        await run(browser);
      } finally {
        await browser.close();
      }
    },
  });
}
