import { createServer, type Server } from "node:http";
import { type AdminOptions, createAdmin } from "./admin.ts";
import { answerWith } from "./http/answer.ts";
import { ClientPlaces } from "./http/client_places.ts";
import { Pipelining } from "./http/pipelining.ts";
import { parseInSlices } from "./http/sliced_connection.ts";
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
  /** Connections of clients at a time, 128 by default. */
  readonly connections?: number;
  /** Milliseconds in which the headers of a request have to arrive, 10,000 by default; a request has twice as long. */
  readonly headersWithin?: number;
  /**
   * Milliseconds without taking anything of an answer after which a client's connection is closed, 30,000 by default.
   */
  readonly patience?: number;
}

/** Milliseconds that a connection may wait for its next request: Prometheus sends one every minute or more often. */
const KEEP_ALIVE = 65_000;

/** Milliseconds that answers to changes may take to be sent after the server has begun to close. */
const LAST_ANSWERS = 1_000;

/** A running admin server. */
export interface AdminServer {
  readonly hostname: string;
  readonly port: number;
  /**
   * Closes it, open connections included, because clients of `/api/events` would never disconnect by themselves.
   * Answers to changes are sent first, for a second at most.
   */
  close(): Promise<void>;
}

/**
 * Binds the admin server to a socket and starts to serve. It runs on node:http, since `Deno.serve` of Deno 2.9.6 bounds
 * neither the connections nor the time that the headers of a request take.
 *
 * @throws if the address cannot be bound, before anything is served
 */
export async function startAdmin(view: AdminView, options: StartAdminOptions): Promise<AdminServer> {
  const { hostname, port, sampleEvery = 5_000, connections = 128, headersWithin = 10_000, patience = 30_000 } = options;
  const history = new RateHistory(view, options.now);
  const faults = new FaultHistory(view, options.now);
  const recentEvents = new RecentEvents();
  const app = createAdmin(view, { ...options, boundHost: hostname, history, faults, recentEvents });
  const places = new ClientPlaces(connections);
  const pipelining = new Pipelining();
  /** Answers to changes that are on their way: to the drain that ends the proxy, for one. */
  const changes = new Set<Promise<void>>();
  const server = createServer({
    headersTimeout: headersWithin,
    requestTimeout: 2 * headersWithin,
    connectionsCheckingInterval: headersWithin / 10,
    keepAliveTimeout: KEEP_ALIVE,
  }, (incoming, outgoing) => {
    const { socket } = incoming;
    places.hear(socket);
    const { remoteAddress: peer } = socket;
    const answer = (request: Request) => app.fetch(request, peer === undefined ? {} : { peer });
    const answered = pipelining.inTurn(socket, () => answerWith(answer, incoming, outgoing, { patience }));
    if (incoming.method !== "POST") return;
    changes.add(answered);
    void answered.then(() => changes.delete(answered));
  });
  parseInSlices(server, (connection) => places.admit(connection));
  const bound = await listen(server, hostname, port);
  const timer = setInterval(() => {
    history.sample();
    faults.sample();
  }, sampleEvery);
  const unsubscribe = view.subscribe((event) => recentEvents.add(event));
  let closed: Promise<void> | undefined;
  return {
    ...bound,
    close: () =>
      closed ??= new Promise((resolve) => {
        clearInterval(timer);
        unsubscribe();
        server.close(() => resolve());
        const late = Promise.withResolvers<void>();
        const latest = setTimeout(late.resolve, LAST_ANSWERS);
        void Promise.race([Promise.all(changes), late.promise]).then(() => {
          clearTimeout(latest);
          server.closeAllConnections();
        });
      }),
  };
}

/** Resolves with the address once it is bound. */
function listen(server: Server, hostname: string, port: number): Promise<{ hostname: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.off("error", reject);
      // A connection that cannot be accepted, for want of file descriptors, costs nobody else anything.
      server.on("error", () => {});
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("it has no address"));
      resolve({ hostname: address.address, port: address.port });
    });
  });
}
