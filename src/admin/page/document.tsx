import type { Child } from "hono/jsx";
import { clock } from "./format.ts";

/** One page of the dashboard. */
export interface DocumentProps {
  readonly title: string;
  /** The path of this server that the page's live regions come from. */
  readonly live: string;
  readonly version: string;
  /** The time of the state shown, until the script makes the page live. */
  readonly now: Date;
  readonly children?: Child;
}

/**
 * A whole page: head and navigation around its content. It loads nothing from other servers and has no inline scripts.
 */
export function Document({ title, live, version, now, children }: DocumentProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · ipfix-skew-proxy`}</title>
        <link rel="icon" href="/assets/icon.svg" />
        <link rel="stylesheet" href="/assets/uplot.css" />
        <link rel="stylesheet" href="/assets/theme.css" />
        <link rel="stylesheet" href="/assets/page.css" />
        <link rel="stylesheet" href="/assets/template_diff.css" />
        <script src="/assets/uplot.js" defer></script>
        <script src="/assets/page.js" type="module"></script>
      </head>
      <body data-live={live}>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="/">
            <img src="/assets/icon.svg" alt="" width="28" height="28" />
            <span>ipfix-skew-proxy</span>
            <small>{version}</small>
          </a>
          <p id="link" class="link" role="status">
            as of {clock(now)}
          </p>
        </header>
        <main id="main">{children}</main>
        <footer>
          <a href="/metrics">Metrics</a> <a href="/api/status">Status as JSON</a>{" "}
          <a href="/api/sessions">Sessions as JSON</a>
        </footer>
      </body>
    </html>
  );
}
