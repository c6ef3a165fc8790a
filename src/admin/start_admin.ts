import { type AdminOptions, createAdmin } from "./admin.ts";
import type { AdminView } from "./view.ts";

/** Where the admin server is bound, beside what {@link createAdmin} takes. */
export interface StartAdminOptions extends Omit<AdminOptions, "boundHost"> {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** A running admin server. */
export interface AdminServer {
  readonly hostname: string;
  readonly port: number;
  /** Ends it at once: clients of `/api/events` would never go by themselves. */
  close(): Promise<void>;
}

/**
 * Binds and serves.
 *
 * @throws Deno.errors.AddrInUse and the like, before anything is served
 */
export function startAdmin(view: AdminView, { hostname, port, ...options }: StartAdminOptions): AdminServer {
  const app = createAdmin(view, { ...options, boundHost: hostname });
  const abort = new AbortController();
  const server = Deno.serve(
    { hostname, port, signal: abort.signal, onListen: () => {} },
    (request, { remoteAddr }) => app.fetch(request, "hostname" in remoteAddr ? { peer: remoteAddr.hostname } : {}),
  );
  const { addr } = server;
  return {
    hostname: addr.hostname,
    port: addr.port,
    close: () => {
      abort.abort();
      return server.finished;
    },
  };
}
