import { type Context, Hono, type MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { captureRoute } from "./capture_route.ts";
import { eventStream, type EventStreamOptions } from "./event_stream.ts";
import { type AccessOptions, isAllowedHost, isJson, isLoopback, isSameOrigin } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import { pageRoutes } from "./page/routes.tsx";
import { RateHistory } from "./rate_history.ts";
import { RecentEvents } from "./recent_events.ts";
import { sessionReport, sessionsStream } from "./session_report.ts";
import { statusReport } from "./status_report.ts";
import type { AdminView } from "./view.ts";

/** How the admin server is reached, and its limits. */
export interface AdminOptions extends AccessOptions {
  readonly now?: () => Date;
  /** Clients of `/api/events` and open pages at the same time; one more is answered with 503. */
  readonly eventClients?: number;
  readonly eventStream?: Omit<EventStreamOptions, "onClose">;
  /** The rates that the dashboard draws; whoever gives it takes its samples. */
  readonly history?: RateHistory;
  /** The events that pages show; whoever gives it fills it. */
  readonly recentEvents?: RecentEvents;
  /** Milliseconds after which an open page is told what has changed. */
  readonly pageInterval?: number;
}

/** What the server tells of a connection beside the request: goes in as the third argument of `app.request()` and `app.fetch()`. */
export interface AdminEnvironment {
  Bindings: {
    /** Textual address of the client; undefined: not known, so not loopback. */
    readonly peer?: string;
  };
}

/** How a request that was not served is answered. */
interface Problem {
  readonly error: string;
}

const problem = (error: string): Problem => ({ error });

/**
 * The admin server's paths over a proxy, without any socket.
 *
 * ```ts ignore
 * const app = createAdmin(view, { boundHost: "127.0.0.1" });
 * const status = await app.request("http://127.0.0.1:24780/api/status");
 * ```
 */
export function createAdmin(view: AdminView, options: AdminOptions): Hono<AdminEnvironment> {
  const { now = () => new Date(), eventClients = 16 } = options;
  let metrics: Promise<Metrics> | undefined;
  /** Loaded when it is first asked for: with prom-client it is a tenth of the start. */
  const allMetrics = () => metrics ??= import("./metrics.ts").then(({ createMetrics }) => createMetrics(view));
  const app = new Hono<AdminEnvironment>();
  let listening = 0;
  /** Takes one of the places of those who are told what happens; undefined: all are taken. */
  const admit = (): (() => void) | undefined => {
    if (listening >= eventClients) return undefined;
    listening++;
    return () => void listening--;
  };

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
      return context.json(problem("ask by this server's address: the Host header names another"), 403);
    }
    context.header("Cache-Control", "no-store");
    await next();
  });

  app.get("/live", (context) => context.text("live\n"));
  app.get("/ready", (context) => {
    if (view.draining) return context.text("draining\n", 503);
    return view.ready ? context.text("ready\n") : context.text("not ready\n", 503);
  });
  app.get("/metrics", async (context) => {
    const all = await allMetrics();
    return context.body(await all.scrape(), 200, { "Content-Type": all.contentType });
  });

  app.get("/api/status", (context) => context.json(statusReport(view, now())));
  app.get(
    "/api/sessions",
    (context) => context.body(sessionsStream(view.sessions()), 200, { "Content-Type": "application/json" }),
  );
  app.get("/api/sessions/:id", (context) => {
    const session = view.session(context.req.param("id"));
    return session === undefined ? unknownSession(context) : context.json(sessionReport(session));
  });
  app.get("/api/events", (context) => {
    const leave = admit();
    if (leave === undefined) return context.json(problem(`at most ${eventClients} clients get events`), 503);
    const stream = eventStream((listener) => view.subscribe(listener), { ...options.eventStream, onClose: leave });
    return context.body(stream, 200, { "Content-Type": "text/event-stream" });
  });

  app.post("/api/drain", guardChange, (context) => {
    view.drain();
    return context.json({ draining: true }, 202);
  });
  app.post("/api/sessions/:id/close", guardChange, (context) => {
    const id = context.req.param("id");
    return view.closeSession(id) ? context.json({ closing: id }, 202) : unknownSession(context);
  });
  app.post("/api/sessions/:id/capture", guardChange, captureRoute({ view, now }));
  app.post("/api/reload", guardChange, async (context) => {
    if (view.reload === undefined) return context.json(problem("this proxy cannot reload: start it again"), 501);
    const result = await view.reload();
    return context.json(result, result.applied ? 200 : 422);
  });
  for (const path of ["/api/drain", "/api/sessions/:id/close", "/api/sessions/:id/capture", "/api/reload"]) {
    app.all(path, (context) => context.json(problem("use POST"), 405, { Allow: "POST" }));
  }

  app.route(
    "/",
    pageRoutes({
      view,
      now,
      admit,
      history: options.history ?? new RateHistory(view, now),
      events: options.recentEvents ?? new RecentEvents(),
      ...(options.pageInterval === undefined ? {} : { interval: options.pageInterval }),
    }),
  );

  app.notFound((context) => context.json(problem("there is nothing at this path"), 404));
  app.onError((error, context) => context.json(problem(`failed: ${error.message}`), 500));
  return app;
}

/** Lets a request through that may change something: from this machine, in JSON, and from no other site's page. */
const guardChange: MiddlewareHandler<AdminEnvironment> = async (context, next) => {
  // app.request() without an environment gives none at all.
  const peer = context.env?.peer;
  if (peer === undefined || !isLoopback(peer)) {
    return context.json(problem("only clients on this machine (loopback) may change anything"), 403);
  }
  if (!isSameOrigin(context.req.header("origin"), context.req.header("sec-fetch-site"), context.req.url)) {
    return context.json(problem("pages of other origins may not change anything"), 403);
  }
  if (!isJson(context.req.header("content-type"))) {
    return context.json(problem("send Content-Type: application/json"), 415);
  }
  await next();
};

function unknownSession(context: Context<AdminEnvironment>): Response {
  return context.json(problem("there is no open session of this id"), 404);
}
