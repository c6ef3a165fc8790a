import { describeTarget, type ResourceTarget } from "./resource.ts";

/** A request to the API server in the terms of RBAC rules. */
export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

/** The API server answered with an error. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";

  /**
   * @param status of HTTP, or `code` of an event of a watch
   * @param reason of the answer: `NotFound`, `Conflict`, `Expired`; empty if it has none
   */
  constructor(
    readonly verb: Verb,
    readonly target: ResourceTarget,
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** An RBAC rule is missing: the message says which. */
export class AccessDenied extends ApiError {
  override readonly name = "AccessDenied";

  constructor(verb: Verb, target: ResourceTarget, said: string) {
    super(verb, target, 403, "Forbidden", `access denied; missing RBAC rule: ${describeRule(verb, target)} (${said})`);
  }
}

/** The API server could not be reached, or did not answer completely. */
export class ApiUnreachable extends Error {
  override readonly name = "ApiUnreachable";
}

/** Whether the object has changed since it was read. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason !== "AlreadyExists";
}

/** Whether the API server is away: it does not answer, or says that it cannot serve now. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ApiUnreachable || error instanceof ApiError && (error.status >= 500 || error.status === 429);
}

/** Whether there is no such object. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Whether the API server no longer has the resource version from which a watch or list continues: 410 Gone. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === "Expired" || error.reason === "Gone");
}

/** `verb "get" on resource "configmaps", name "flow-aggregator-ca", namespace "flow-aggregator"` */
function describeRule(verb: Verb, { type, namespace, name }: ResourceTarget): string {
  const group = type.group === "" ? "" : ` of API group "${type.group}"`;
  // A rule for create cannot be limited to a name.
  const named = name === undefined || verb === "create" ? "" : `, name "${name}"`;
  const where = namespace === undefined ? ", in the whole cluster" : `, namespace "${namespace}"`;
  return `verb "${verb}" on resource "${type.plural}"${group}${named}${where}`;
}

/** Turns an unsuccessful answer into an error that names the request. */
export function apiError(verb: Verb, target: ResourceTarget, status: number, body: unknown): ApiError {
  const { reason = "", message = "" } = typeof body === "object" && body !== null
    ? body as { reason?: unknown; message?: unknown }
    : {};
  const given = typeof message === "string" ? message : "";
  const { plural, group, version: apiVersion } = target.type;
  const said = status >= 500
    ? `the API server answers ${status}${given === "" ? "" : `: ${given}`}`
    : given !== ""
    ? given
    // Without a word of its own, this is the path that is not there.
    : status === 404
    ? `the API server has no ${plural} of ${group === "" ? apiVersion : `${group}/${apiVersion}`}`
    : `HTTP status ${status}`;
  if (status === 403) return new AccessDenied(verb, target, said);
  const words = status === 401 ? "the credentials are refused" : said;
  return new ApiError(verb, target, status, String(reason), `${verb} ${describeTarget(target)}: ${words}`);
}
