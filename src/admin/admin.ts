import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";
import { captureRoute } from "./api/capture_route.ts";
import { eventStream, type EventStreamOptions } from "./api/event_stream.ts";
import { type AccessOptions, type AdminEnvironment, guardChange, isAllowedHost, problem } from "./api/guard.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { pageRoutes } from "./page/routes.tsx";
import { FaultHistory } from "./view/fault_history.ts";
import { momentOf } from "./view/moment.ts";
import { RateHistory } from "./view/rate_history.ts";
import { RecentEvents } from "./view/recent_events.ts";
import { sessionReport } from "./api/session_report.ts";
import { sessionsStream } from "./api/sessions_stream.ts";
import { unreadAnswers } from "./api/unread_answers.ts";
import { UnreadOctets } from "./api/unread_octets.ts";
import { statusReport } from "./api/status_report.ts";
import { totalsOf } from "./view/totals.ts";
import { nextTurn } from "./view/turn.ts";
import type { AdminView } from "./view/view.ts";

/** Most octets of a request's body: only a capture takes one at all, of a few numbers. */
const LONGEST_BODY = 4_096;

/** Options of the admin server: how it is reached, and its limits. */
export interface AdminOptions extends AccessOptions {
  readonly now?: () => Date;
  /** Most clients of `/api/events` and open pages at a time, 16 by default; the next gets 503. */
  readonly eventClients?: number;
  readonly eventStream?: Omit<EventStreamOptions, "onClose">;
  /** The rates that the dashboard draws. The caller takes the samples. */
  readonly history?: RateHistory;
  /** What tells recent faults from those that ever happened. The caller takes the samples. */
  readonly faults?: FaultHistory;
  /** The events that pages show. The caller adds them. */
  readonly recentEvents?: RecentEvents;
  /** Milliseconds between updates of an open page. */
  readonly pageInterval?: number;
}

/**
 * Returns the admin server of a proxy as an application that handles requests; {@link startAdmin} binds it to a socket.
 *
 * ```ts ignore
 * const app = createAdmin(view, { boundHost: "127.0.0.1" });
 * const status = await app.request("http://127.0.0.1:24780/api/status");
 * ```
 */
export function createAdmin(view: AdminView, options: AdminOptions): Hono<AdminEnvironment> {
  const { now = () => new Date(), eventClients = 16, eventStream = {}, pageInterval } = options;
  const app = new Hono<AdminEnvironment>();
  const admit = eventPlaces(eventClients);
  protect(app, options);
  const unread = new UnreadOctets();
  const bounded = unreadAnswers(unread);
  for (const path of ["/api/sessions/:id", "/sessions/:id"]) app.get(path, bounded);
  addProbes(app, view);
  // Probes are answered at once, all others one after the other.
  app.use(async (_context, next) => {
    await nextTurn();
    await next();
  });
  addMetrics(app, view);
  addReports(app, view, unread, now);
  addEvents(app, view, { ...eventStream, admit, most: eventClients });
  addChanges(app, view, now);
  app.route(
    "/",
    pageRoutes({
      view,
      now,
      admit,
      history: options.history ?? new RateHistory(view, now),
      faults: options.faults ?? new FaultHistory(view, now),
      events: options.recentEvents ?? new RecentEvents(),
      ...(pageInterval === undefined ? {} : { interval: pageInterval }),
    }),
  );
  app.notFound((context) => context.json(problem("no such path"), 404));
  app.onError((error, context) => context.json(problem(`failed: ${error.message}`), 500));
  return app;
}

type App = Hono<AdminEnvironment>;

/** Reserves a place for a client of events and returns the function that frees it, or undefined if all are taken. */
type Admit = () => (() => void) | undefined;

function eventPlaces(most: number): Admit {
  let taken = 0;
  return () => {
    if (taken >= most) return undefined;
    taken++;
    return () => void taken--;
  };
}

/** Refuses what names another server or is too long, and tells browsers what a page may do. */
function protect(app: App, options: AccessOptions): void {
  app.use(secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // Plain HTTP only: browsers ignore the header there.
    strictTransportSecurity: false,
  }));
  app.use(async (context, next) => {
    if (!isAllowedHost(context.req.header("host") ?? new URL(context.req.url).host, options)) {
      return context.json(problem("the Host header names another server: use this server's address"), 403);
    }
    context.header("Cache-Control", "no-store");
    await next();
  });
  app.use(bodyLimit({
    maxSize: LONGEST_BODY,
    onError: (context) => context.json(problem(`the body is too long: at most ${LONGEST_BODY} octets`), 413),
  }));
}

function addProbes(app: App, view: AdminView): void {
  app.get("/live", (context) => context.text("live\n"));
  app.get("/ready", (context) => {
    if (view.draining) return context.text("draining\n", 503);
    if (view.ready) return context.text("ready\n");
    const waitingFor = view.cluster?.waitingFor ?? "";
    return context.text(waitingFor === "" ? "not ready\n" : `not ready: waiting for ${waitingFor}\n`, 503);
  });
}

function addMetrics(app: App, view: AdminView): void {
  let metrics: Promise<Metrics> | undefined;
  app.get("/metrics", async (context) => {
    // Loaded on the first scrape: loading prom-client would add a tenth to the time to start.
    metrics ??= import("./metrics/metrics.ts").then(({ createMetrics }) => createMetrics(view));
    const { scrape, contentType } = await metrics;
    return context.body(await scrape(), 200, { "Content-Type": contentType });
  });
}

function addReports(app: App, view: AdminView, unread: UnreadOctets, now: () => Date): void {
  app.get("/api/status", async (context) => context.json(statusReport(view, now(), await totalsOf(view))));
  app.get("/api/sessions", (context) => {
    const sessions = context.req.query("ended") === undefined ? view.sessions() : view.endedSessions();
    return context.body(sessionsStream(sessions, view, unread), 200, { "Content-Type": "application/json" });
  });
  app.get("/api/sessions/:id", (context) => {
    const id = context.req.param("id");
    const session = view.session(id) ?? view.endedSession(id);
    if (session !== undefined) return context.json(sessionReport(session, momentOf(view)));
    return context.json(problem("no session has this id: none is open, nor kept of those that ended lately"), 404);
  });
}

function addEvents(
  app: App,
  view: AdminView,
  { admit, most, ...options }: EventStreamOptions & { readonly admit: Admit; readonly most: number },
): void {
  app.get("/api/events", (context) => {
    const leave = admit();
    if (leave === undefined) {
      const error = `too many clients: at most ${most} can receive events or have a page open at a time`;
      return context.json(problem(error), 503);
    }
    const stream = eventStream((listener) => view.subscribe(listener), { ...options, onClose: leave });
    return context.body(stream, 200, { "Content-Type": "text/event-stream" });
  });
}

function addChanges(app: App, view: AdminView, now: () => Date): void {
  app.post("/api/drain", guardChange, (context) => {
    view.drain();
    return context.json({ draining: true }, 202);
  });
  app.post("/api/sessions/:id/close", guardChange, (context) => {
    const id = context.req.param("id");
    if (view.closeSession(id)) return context.json({ closing: id }, 202);
    return context.json(problem("no open session has this id"), 404);
  });
  app.post("/api/sessions/:id/capture", guardChange, captureRoute({ view, now }));
  app.post("/api/reload", guardChange, async (context) => {
    if (view.reload === undefined) {
      return context.json(problem("this proxy cannot reload its configuration: restart it instead"), 501);
    }
    const result = await view.reload();
    return context.json(result, result.applied ? 200 : 422);
  });
  for (const path of ["/api/drain", "/api/sessions/:id/close", "/api/sessions/:id/capture", "/api/reload"]) {
    app.all(path, (context) => context.json(problem("use POST"), 405, { Allow: "POST" }));
  }
}
