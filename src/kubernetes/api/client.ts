import { boundedText } from "../../bounded_text.ts";
import { Agent, type Dispatcher } from "undici";
import { z } from "zod";
import { systemReason } from "../../error_message.ts";
import type { Clock } from "../../proxy/time/clock.ts";
import { type ApiAccess, type ApiCredentials, tokenClaims } from "./access.ts";
import { ApiError, apiError, ApiUnreachable, isNotFound, type Verb } from "./api_error.ts";
import { describeTarget, type ObjectTarget, resourcePath, type ResourceTarget } from "./resource.ts";
import { readWatchLines, type WatchEvent } from "./watch_stream.ts";

const CONNECT_MILLISECONDS = 5_000;
const ANSWER_MILLISECONDS = 10_000;
/** Octets of the longest answer accepted: a Secret or ConfigMap has at most 1 MiB, and lists come in pages. */
const MAX_ANSWER_OCTETS = 16 * 1024 * 1024;
const PAGE = 500;
/**
 * The server ends a watch after this time, so longer silence means that the connection is dead. Nothing else shows
 * that: until then, what has changed goes unnoticed.
 */
const WATCH_SECONDS = 20;
const WATCH_SILENCE_MILLISECONDS = 25_000;
const KEEP_ALIVE_MILLISECONDS = 15_000;

const listSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string().default(""), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullish(),
});

/** The objects of a list, and the resource version from which a watch continues. */
export interface ObjectList<T> {
  readonly objects: readonly T[];
  readonly resourceVersion: string;
}

/** The calls that keep up with objects of the cluster. */
export type KubernetesCalls = Pick<KubernetesClient, "find" | "list" | "watch" | "create" | "update">;

/** What a client needs. */
export interface ClientOptions {
  readonly access: ApiAccess;
  readonly clock: Clock;
  /** Called with the API server's time of day, for every answer that has it. */
  readonly onServerDate?: (date: Date) => void;
}

/**
 * The few calls of the Kubernetes API that this program makes. Every call throws as {@link KubernetesClient.get} does.
 */
export class KubernetesClient implements Disposable {
  readonly #access: ApiAccess;
  readonly #clock: Clock;
  readonly #onServerDate: (date: Date) => void;
  #dispatcher: { readonly key: string; readonly agent: Agent } | undefined;

  constructor({ access, clock, onServerDate = () => {} }: ClientOptions) {
    this.#access = access;
    this.#clock = clock;
    this.#onServerDate = onServerDate;
  }

  /** `the Pod's service account` or `kubeconfig PATH`. */
  get description(): string {
    return this.#access.description;
  }

  /**
   * Reads one object.
   *
   * @throws AccessDenied that names the missing RBAC rule
   * @throws ApiError for any other answer that is no success: 404 where there is no such object
   * @throws ApiUnreachable when there is no answer, or none that can be read
   */
  async get<T>(schema: z.ZodType<T>, target: ObjectTarget, signal?: AbortSignal): Promise<T> {
    return this.#check(schema, "get", target, await this.#ask("get", "GET", target, { signal }));
  }

  /** As {@link get}; undefined where there is no such object. */
  async find<T>(schema: z.ZodType<T>, target: ObjectTarget, signal?: AbortSignal): Promise<T | undefined> {
    try {
      return await this.get(schema, target, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Reads all objects of a target, page by page; those that are not as the schema says are left out. */
  async list<T>(schema: z.ZodType<T>, target: ResourceTarget, signal?: AbortSignal): Promise<ObjectList<T>> {
    const objects: T[] = [];
    let page: string | undefined;
    for (;;) {
      const query = { ...selectors(target), limit: String(PAGE), ...(page === undefined ? {} : { continue: page }) };
      const { name: _, ...all } = target;
      const options = { query, signal, about: target };
      const answer = this.#check(listSchema, "list", target, await this.#ask("list", "GET", all, options));
      for (const item of answer.items ?? []) {
        const { success, data } = schema.safeParse(item);
        if (success) objects.push(data);
      }
      page = answer.metadata.continue;
      if (page === undefined || page === "") return { objects, resourceVersion: answer.metadata.resourceVersion };
    }
  }

  /** Creates an object; its name is in it. */
  async create(target: ObjectTarget, object: unknown): Promise<void> {
    const { name: _, ...collection } = target;
    await this.#ask("create", "POST", collection, { body: object, about: target });
  }

  /** Replaces an object. If it has a `metadata.resourceVersion`, fails with 409 if it was changed since it was read. */
  async update<T>(schema: z.ZodType<T>, target: ObjectTarget, object: T): Promise<T> {
    return this.#check(schema, "update", target, await this.#ask("update", "PUT", target, { body: object }));
  }

  /** Changes parts of an object by a JSON merge patch (RFC 7396). */
  async patch<T>(schema: z.ZodType<T>, target: ObjectTarget, patch: unknown): Promise<T> {
    const options = { body: patch, contentType: "application/merge-patch+json" };
    return this.#check(schema, "patch", target, await this.#ask("patch", "PATCH", target, options));
  }

  /** Deletes an object. */
  async delete(target: ObjectTarget): Promise<void> {
    await this.#ask("delete", "DELETE", target, {});
  }

  /**
   * Yields changes of the target's objects, with bookmarks, until the server ends the watch, as it does every
   * twenty seconds.
   *
   * @param resourceVersion the version from which to continue
   * @param onOpen called once the server has accepted the watch, however long it stays silent
   * @throws ApiError with status 410 where the server no longer knows the resource version
   */
  async *watch(
    target: ResourceTarget,
    resourceVersion: string,
    signal: AbortSignal,
    onOpen: () => void = () => {},
  ): AsyncGenerator<WatchEvent> {
    const query = {
      ...selectors(target),
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(WATCH_SECONDS),
      resourceVersion,
    };
    const { name: _, ...all } = target;
    const answer = await this.#send("watch", "GET", all, {
      query,
      signal,
      about: target,
      silence: WATCH_SILENCE_MILLISECONDS,
    });
    onOpen();
    try {
      yield* readWatchLines(answer.body, target);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw this.#unreachable("watch", target, error);
    } finally {
      answer.body.on("error", () => {}).destroy();
    }
  }

  /** Ends every request under way. */
  [Symbol.dispose](): void {
    void this.#dispatcher?.agent.destroy().catch(() => {});
    this.#dispatcher = undefined;
  }

  async #ask(verb: Verb, method: Dispatcher.HttpMethod, target: ResourceTarget, options: RequestOptions) {
    const { body } = await this.#send(verb, method, target, options);
    try {
      return JSON.parse(await readAll(body));
    } catch (error) {
      throw this.#unreachable(verb, options.about ?? target, error);
    }
  }

  /** Returns a successful answer. Refused credentials are read again, and tried once more if they have changed. */
  async #send(verb: Verb, method: Dispatcher.HttpMethod, target: ResourceTarget, options: RequestOptions) {
    const about = options.about ?? target;
    let credentials = await this.#access.credentials();
    for (let again = false;; again = true) {
      const answer = await this.#request(verb, method, target, options, credentials);
      if (answer.statusCode < 300) return answer;
      const body = await readAll(answer.body).then(JSON.parse).catch(() => undefined);
      const error = apiError(verb, about, answer.statusCode, body);
      if (answer.statusCode !== 401) throw error;
      const fresh = await this.#access.credentials(true);
      if (again || JSON.stringify(fresh) === JSON.stringify(credentials)) throw this.#refused(error, credentials);
      credentials = fresh;
    }
  }

  async #request(
    verb: Verb,
    method: Dispatcher.HttpMethod,
    target: ResourceTarget,
    { query, body, contentType = "application/json", signal, about = target, silence }: RequestOptions,
    credentials: ApiCredentials,
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(credentials.server + resourcePath(target));
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    try {
      const answer = await this.#agent(credentials).request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": contentType }),
          ...(credentials.token === undefined ? {} : { authorization: `Bearer ${credentials.token}` }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        headersTimeout: ANSWER_MILLISECONDS,
        bodyTimeout: silence ?? ANSWER_MILLISECONDS,
        ...(signal === undefined ? {} : { signal }),
      });
      const date = Date.parse(String(answer.headers.date ?? ""));
      if (!Number.isNaN(date)) this.#onServerDate(new Date(date));
      return answer;
    } catch (error) {
      throw this.#unreachable(verb, about, error);
    }
  }

  #agent(credentials: ApiCredentials): Agent {
    const { ca, certificate, key, serverName } = credentials;
    const identity = JSON.stringify([ca, certificate, key, serverName]);
    if (this.#dispatcher?.key === identity) return this.#dispatcher.agent;
    // Requests under way may fail: a watch is soon begun again.
    void this.#dispatcher?.agent.close().catch(() => {});
    const agent = new Agent({
      // undici ends HTTP/2 connections with an assertion that nobody can catch when requests are aborted.
      allowH2: false,
      connect: {
        timeout: CONNECT_MILLISECONDS,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MILLISECONDS,
        ...(ca === undefined ? {} : { ca }),
        ...(certificate === undefined ? {} : { cert: certificate }),
        ...(key === undefined ? {} : { key }),
        ...(serverName === undefined ? {} : { servername: serverName }),
      },
    });
    this.#dispatcher = { key: identity, agent };
    return agent;
  }

  #check<T>(schema: z.ZodType<T>, verb: Verb, target: ResourceTarget, answer: unknown): T {
    const { success, data, error } = schema.safeParse(answer);
    if (success) return data;
    const [issue] = error.issues;
    const where = issue?.path.join(".") ?? "";
    throw new ApiUnreachable(
      `${verb} ${describeTarget(target)}: the answer is not such an object: ${where}: ${issue?.message}`,
    );
  }

  #unreachable(verb: Verb, target: ResourceTarget, error: unknown): ApiUnreachable {
    if (error instanceof ApiUnreachable) return error;
    const reason = error instanceof Error ? reasonOf(error) : String(error);
    return new ApiUnreachable(`${verb} ${describeTarget(target)}: the API server gives no answer: ${reason}`, {
      cause: error,
    });
  }

  /** Reports that the token has expired, if it has. */
  #refused(error: ApiError, { token }: ApiCredentials): ApiError {
    const { expiresAt } = token === undefined ? {} : tokenClaims(token);
    const ended = expiresAt !== undefined && expiresAt < this.#clock.date()
      ? `: the token ended at ${expiresAt.toISOString()}`
      : "";
    const message = `${error.message}${ended} (${this.description})`;
    return new ApiError(error.verb, error.target, 401, error.reason, message);
  }
}

interface RequestOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** Names the object in errors, where the path does not. */
  readonly about?: ResourceTarget;
  /** Milliseconds without an octet after which the answer counts as broken off. */
  readonly silence?: number;
}

function selectors({ name, labelSelector }: ResourceTarget): Record<string, string> {
  return {
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  return boundedText(body, MAX_ANSWER_OCTETS, `an answer of more than ${MAX_ANSWER_OCTETS} octets`);
}

/** The cause of undici's error, which says more than the error itself. */
function reasonOf(error: Error): string {
  const causes = error instanceof AggregateError ? error.errors : [error.cause];
  const [cause] = causes.filter((each) => each instanceof Error);
  const code = "code" in error ? String(error.code) : "";
  // Node.js writes `connect ECONNREFUSED 10.96.0.1:443`.
  const [, target] = /^(?:connect|getaddrinfo) E[A-Z]+ (.+)$/.exec(error.message) ?? [];
  const words = target === undefined ? error.message || code : `${systemReason(error)}: ${target}`;
  return cause instanceof Error && cause.message !== "" ? `${words}: ${cause.message}` : words;
}
