import type { MiddlewareHandler } from "hono";

/** Which hosts the server answers to. */
export interface AccessOptions {
  /** The host that the server is bound to, without a port: `127.0.0.1`, `0.0.0.0`, `::`, or a name. */
  readonly boundHost: string;
  /** Further host names by which clients may address the server. */
  readonly allowedHosts?: () => readonly string[];
}

/**
 * What a handler knows of the connection: pass it as the third argument of `app.request()` and second of `app.fetch()`.
 */
export interface AdminEnvironment {
  Bindings: {
    /** Textual address of the client; undefined where it is not known, which counts as not loopback. */
    readonly peer?: string;
  };
}

/** The JSON body of every answer that refuses a request. */
export const problem = (error: string): { readonly error: string } => ({ error });

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Returns the host of a `Host` header in lower case, without port and brackets; undefined if it is malformed. */
function hostOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Whether the address is a loopback address: in 127.0.0.0/8, also IPv4-mapped, or ::1. */
export function isLoopback(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:(?=[0-9.]+$)/, "");
  return plain === "::1" || /^127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/.test(plain);
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(host);
}

/**
 * Whether the `Host` header names this server. In a DNS rebinding attack, a hostile page's own name resolves to this
 * server's address, but its requests still carry that name; so names other than loopback and the allowed ones are
 * refused. An address cannot be rebound: any is accepted where the server is bound to all.
 */
export function isAllowedHost(
  header: string | undefined,
  { boundHost, allowedHosts = () => [] }: AccessOptions,
): boolean {
  const host = hostOf(header);
  if (host === undefined) return false;
  if (host === "localhost" || host.endsWith(".localhost") || isLoopback(host)) return true;
  if (host === boundHost.toLowerCase() || allowedHosts().some((name) => name.toLowerCase() === host)) return true;
  return WILDCARDS.has(boundHost) && isAddress(host);
}

/**
 * Whether a request that makes a change comes from no other site's page. A browser states the page's origin with every
 * POST; a client that sends neither header is not a browser.
 */
export function isSameOrigin(origin: string | undefined, fetchSite: string | undefined, url: string): boolean {
  if (fetchSite !== undefined && fetchSite !== "same-origin" && fetchSite !== "none") return false;
  return origin === undefined || origin === new URL(url).origin;
}

/** Whether the content type is JSON, which another site's form cannot send without a preflight request (CORS). */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/json\s*(?:;|$)/i.test(contentType.trim());
}

/** Admits a request that changes something only from this machine, as JSON, and not from another site's page. */
export const guardChange: MiddlewareHandler<AdminEnvironment> = async (context, next) => {
  // Without an environment argument, app.request() leaves `env` undefined.
  const peer = context.env?.peer;
  if (peer === undefined || !isLoopback(peer)) {
    return context.json(problem("only clients on this machine (loopback) may make changes"), 403);
  }
  if (!isSameOrigin(context.req.header("origin"), context.req.header("sec-fetch-site"), context.req.url)) {
    return context.json(problem("pages from other origins may not make changes"), 403);
  }
  if (!isJson(context.req.header("content-type"))) {
    return context.json(problem("send Content-Type: application/json"), 415);
  }
  await next();
};
