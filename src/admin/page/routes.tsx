import { type Context, Hono } from "hono";
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import { type AdminEnvironment, problem } from "../api/guard.ts";
import type { FaultHistory } from "../view/fault_history.ts";
import type { RateHistory } from "../view/rate_history.ts";
import type { RecentEvents } from "../view/recent_events.ts";
import { momentOf } from "../view/moment.ts";
import { totalsOf } from "../view/totals.ts";
import { nextTurn } from "../view/turn.ts";
import type { AdminView } from "../view/view.ts";
import { ProxyActions, SessionActions } from "./actions.tsx";
import { ASSETS } from "./assets.ts";
import { dashboardRegions, Rates } from "./dashboard/dashboard.tsx";
import { Document } from "./document.tsx";
import { liveStream, type RenderedRegion } from "./live_stream.ts";
import { ORDERS, overview, SESSION_VERDICTS, type TableRequest } from "./overview.ts";
import { sessionPath } from "./parts.tsx";
import { tablePath } from "./table_path.ts";
import { sessionRegions, unknownSession } from "./session/session_page.tsx";

/** What the pages need. */
export interface PageOptions {
  readonly view: AdminView;
  readonly history: RateHistory;
  readonly faults: FaultHistory;
  readonly events: RecentEvents;
  readonly now: () => Date;
  /** Least milliseconds between updates of an open page. */
  readonly interval?: number;
  /** Reserves a place for an open page and returns the function that frees it, or undefined if all are taken. */
  readonly admit: () => (() => void) | undefined;
}

/** Longest search text, in characters. */
const LONGEST_QUERY = 256;

/** Returns the paths of the pages, their live updates, and the files that they load. */
export function pageRoutes(
  { view, history, faults, events, now, interval, admit }: PageOptions,
): Hono<AdminEnvironment> {
  const app = new Hono<AdminEnvironment>();

  const dashboard = async (request: TableRequest, pause = nextTurn) => {
    const rows = await overview(momentOf(view), request, pause);
    await pause();
    return dashboardRegions({
      overview: rows,
      totals: await totalsOf(view, pause),
      view: momentOf(view),
      faults,
      rates: history.samples().at(-1),
      events: events.overall(),
      now: now(),
    });
  };
  const session = (id: string) => {
    const session = view.session(id) ?? view.endedSession(id);
    return session === undefined
      ? undefined
      : sessionRegions({ view: momentOf(view), session, events: events.session(id), now: now() });
  };
  const live = (
    context: Context<AdminEnvironment>,
    regions: (pause: () => Promise<void>) => Promise<readonly Child[]>,
  ) => {
    const leave = admit();
    if (leave === undefined) {
      return context.json(problem("too many pages are open, or clients receive events: close one"), 503);
    }
    const stream = liveStream({
      render: async (pause) => await oneByOne(await regions(pause), pause),
      rates: (listener) => history.subscribe(listener),
      ...(interval === undefined ? {} : { interval }),
      onClose: leave,
    });
    return context.body(stream, 200, { "Content-Type": "text/event-stream" });
  };

  app.get("/", async (context) => {
    const request = requestOf(context);
    const regions = await dashboard(request);
    const path = tablePath(request, "/live/dashboard");
    return await page(
      context,
      <Document title="Dashboard" live={path} version={view.version} now={now()}>
        <div class="grid">
          {regions.slice(0, -2)}
          <Rates />
          {regions.slice(-2)}
        </div>
        <ProxyActions view={view} />
      </Document>,
    );
  });
  app.get("/live/dashboard", (context) => live(context, (pause) => dashboard(requestOf(context), pause)));

  app.get("/sessions/:id", async (context) => {
    const id = context.req.param("id");
    const regions = await oneByOne(session(id) ?? []);
    return await page(
      context,
      <Document title={`Session ${id}`} live={`/live${sessionPath(id)}`} version={view.version} now={now()}>
        <p class="crumbs">
          <a href="/">All sessions</a>
        </p>
        <div class="grid">{regions.length > 0 ? regions.map(({ html }) => raw(html)) : unknownSession(id)}</div>
        {view.session(id) === undefined ? "" : <SessionActions id={id} />}
      </Document>,
      regions.length === 0 ? 404 : 200,
    );
  });
  app.get("/live/sessions/:id", (context) => {
    const id = context.req.param("id");
    return live(context, () => Promise.resolve(session(id) ?? [unknownSession(id)]));
  });

  app.get("/api/rates", (context) => context.json({ samples: history.samples() }));

  app.get("/assets/:name", (context) => {
    const asset = ASSETS.get(context.req.param("name"));
    if (asset === undefined) return context.notFound();
    return context.body(asset.text, 200, { "Content-Type": asset.type, "Cache-Control": "no-cache" });
  });
  return app;
}

async function page(context: Context<AdminEnvironment>, document: Child, status: 200 | 404 = 200): Promise<Response> {
  return context.html(`<!doctype html>${await text(document)}`, status);
}

/** What is no known order or verdict, nor a page's number, stands for the default. */
function requestOf(context: Context<AdminEnvironment>): TableRequest {
  const text = (name: string) => (context.req.query(name) ?? "").trim().slice(0, LONGEST_QUERY);
  const page = (name: string) => {
    const number = Number(context.req.query(name));
    return Number.isSafeInteger(number) && number > 0 ? number : 1;
  };
  const release = text("release");
  const verdict = SESSION_VERDICTS.find((each) => each === context.req.query("verdict"));
  return {
    query: text("q"),
    ...(release === "" ? {} : { release }),
    ...(verdict === undefined ? {} : { verdict }),
    order: ORDERS.find((each) => each === context.req.query("sort")) ?? "problem",
    page: page("page"),
    endedPage: page("ended"),
  };
}

/** Renders regions with a turn of the event loop behind each: a session's page may have many long ones. */
async function oneByOne(regions: readonly Child[], pause = nextTurn): Promise<RenderedRegion[]> {
  const all: RenderedRegion[] = [];
  for (const region of regions) {
    all.push(await rendered(region));
    await pause();
  }
  return all;
}

async function rendered(region: Child): Promise<RenderedRegion> {
  const html = await text(region);
  const id = /^<\w+ id="([^"]*)"/.exec(html)?.[1];
  if (id === undefined) throw new Error(`a region has no id: ${html.slice(0, 60)}`);
  return { id, html };
}

/** Renders JSX to text. */
async function text(child: Child): Promise<string> {
  return String(await (await child)?.toString());
}
