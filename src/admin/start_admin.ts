import { type AdminOptions, createAdmin } from "./admin.ts";
import { FaultHistory } from "./view/fault_history.ts";
import { RateHistory } from "./view/rate_history.ts";
import { RecentEvents } from "./view/recent_events.ts";
import type { AdminView } from "./view/view.ts";

/** The options of {@link createAdmin}, and where to bind. */
export interface StartAdminOptions extends Omit<AdminOptions, "boundHost" | "history" | "faults" | "recentEvents"> {
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Milliseconds between samples of the rates, 5,000 by default. */
  readonly sampleEvery?: number;
}

/** A running admin server. */
export interface AdminServer {
  readonly hostname: string;
  readonly port: number;
  /** Closes it at once, open connections included: clients of `/api/events` would never disconnect by themselves. */
  close(): Promise<void>;
}

/**
 * Binds the admin server to a socket and starts to serve.
 *
 * @throws Deno.errors.AddrInUse and the like, before anything is served
 */
export function startAdmin(view: AdminView, options: StartAdminOptions): AdminServer {
  const { hostname, port, sampleEvery = 5_000 } = options;
  const history = new RateHistory(view, options.now);
  const faults = new FaultHistory(view, options.now);
  const recentEvents = new RecentEvents();
  const app = createAdmin(view, { ...options, boundHost: hostname, history, faults, recentEvents });
  const abort = new AbortController();
  const server = Deno.serve(
    { hostname, port, signal: abort.signal, onListen: () => {} },
    (request, { remoteAddr }) =>
      app.fetch(asGet(request), "hostname" in remoteAddr ? { peer: remoteAddr.hostname } : {}),
  );
  const { addr } = server;
  const timer = setInterval(() => {
    history.sample();
    faults.sample();
  }, sampleEvery);
  const unsubscribe = view.subscribe((event) => recentEvents.add(event));
  return {
    hostname: addr.hostname,
    port: addr.port,
    close: () => {
      clearInterval(timer);
      unsubscribe();
      abort.abort();
      return server.finished;
    },
  };
}

/**
 * HEAD is answered as GET (RFC 9110 §9.3.2). Deno sends the headers and cancels the body, so that a stream of events
 * ends at once; Hono's own HEAD drops the body unread, which then holds its client's place for good. A request made
 * from another one follows its signal, of which the runtime warns.
 */
function asGet(request: Request): Request {
  return request.method === "HEAD" ? new Request(request.url, { method: "GET", headers: request.headers }) : request;
}
