import type { MiddlewareHandler } from "hono";

/** Where a request comes from and to, as far as that decides whether it is let in. */
export interface AccessOptions {
  /** Host that the server is bound to, without port: `127.0.0.1`, `0.0.0.0`, `::`, or a name. */
  readonly boundHost: string;
  /** More host names that clients may call the server by. */
  readonly allowedHosts?: readonly string[];
}

/** What a handler knows of the connection: pass it as the third argument of `app.request()` and second of `app.fetch()`. */
export interface AdminEnvironment {
  Bindings: {
    /** Textual address of the client; undefined where it is not known, which counts as not loopback. */
    readonly peer?: string;
  };
}

/** The JSON body of every answer that refuses a request. */
export const problem = (error: string): { readonly error: string } => ({ error });

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** The host of a `Host` header in lower case, without port and brackets; undefined where it is none. */
export function hostOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Whether the textual address is one of this machine's own: 127.0.0.0/8, ::1, and the former as IPv4-mapped. */
export function isLoopback(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:(?=[0-9.]+$)/, "");
  return plain === "::1" || /^127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/.test(plain);
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(host);
}

/**
 * Whether the `Host` header names this server. A page that had its own name rebound to this address (DNS rebinding) still sends
 * that name, so names other than loopback's are refused; an address cannot be rebound, and is let in where all are bound.
 */
export function isAllowedHost(header: string | undefined, { boundHost, allowedHosts = [] }: AccessOptions): boolean {
  const host = hostOf(header);
  if (host === undefined) return false;
  if (host === "localhost" || host.endsWith(".localhost") || isLoopback(host)) return true;
  if (host === boundHost.toLowerCase() || allowedHosts.some((name) => name.toLowerCase() === host)) return true;
  return WILDCARDS.has(boundHost) && isAddress(host);
}

/**
 * Whether a request that changes something comes from no other site's page. A browser says where a page is from whenever it
 * sends a POST; what sends neither header is no browser.
 */
export function isSameOrigin(origin: string | undefined, fetchSite: string | undefined, url: string): boolean {
  if (fetchSite !== undefined && fetchSite !== "same-origin" && fetchSite !== "none") return false;
  return origin === undefined || origin === new URL(url).origin;
}

/** Whether the content type is JSON: what a form of another site cannot send without being asked first. */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/json\s*(?:;|$)/i.test(contentType.trim());
}

/** Admits a request that changes something only from this machine, as JSON, and not from another site's page. */
export const guardChange: MiddlewareHandler<AdminEnvironment> = async (context, next) => {
  // Without an environment argument, app.request() leaves `env` undefined.
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
