/** A Kubernetes API server in small, for quick tests: get, list, create, update, merge patch, delete and watch of any object, over TLS. */
import type { ApiAccess, ApiCredentials } from "../../../src/kubernetes/api/access.ts";
import type { KubernetesObject } from "../../../src/kubernetes/api/objects.ts";
import { Authority } from "../certificates.ts";

/** A call as RBAC sees it. */
export interface ApiCall {
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly token: string | undefined;
}

interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly path: string;
  readonly object: KubernetesObject;
}

interface Watcher {
  readonly matches: (path: string, object: KubernetesObject) => boolean;
  readonly send: (line: unknown) => void;
  readonly end: () => void;
}

type Status = Readonly<{ code: number; reason: string; message: string }>;

/** What it keeps lives as long as it does. */
export class FakeApiServer implements AsyncDisposable {
  /** Every call so far. */
  readonly calls: ApiCall[] = [];
  /** Calls that are answered with 403. */
  denies: (call: ApiCall) => boolean = () => false;
  /** Calls whose token is refused with 401. */
  refuses: (token: string | undefined) => boolean = () => false;
  /** Calls that are answered with 500. */
  fails: (call: ApiCall) => boolean = () => false;
  /** Resources that it has: a path of another is answered with 404 and no object. */
  knows: (resource: string) => boolean = () => true;
  /** Runs before a call is answered: whatever somebody else does just then. */
  before: (call: ApiCall) => void = () => {};
  /** Milliseconds by which its clock is ahead. */
  clockAhead = 0;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #watchers = new Set<Watcher>();
  #changes: Change[] = [];
  #version = 100;
  #oldest = 0;

  private constructor(
    readonly url: string,
    readonly ca: string,
    readonly shutdown: () => Promise<void>,
  ) {}

  static async start(): Promise<FakeApiServer> {
    const authority = await Authority.create("kubernetes");
    const { certificate, key } = await authority.issue({ name: "kube-apiserver", addresses: ["127.0.0.1"] });
    let fake: FakeApiServer | undefined;
    const ending = new AbortController();
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert: certificate, key, signal: ending.signal, onListen: () => {} },
      (request) => fake?.answer(request) ?? new Response(null, { status: 503 }),
    );
    return fake = new FakeApiServer(`https://127.0.0.1:${server.addr.port}`, authority.pem, async () => {
      ending.abort();
      await server.finished;
    });
  }

  /** Access to it with this token. */
  access(token = "good"): ApiAccess {
    const credentials: ApiCredentials = { server: this.url, ca: this.ca, token };
    return { description: "the test", namespace: "flow-aggregator", credentials: () => Promise.resolve(credentials) };
  }

  /** The kubeconfig of whoever has this token. */
  kubeconfig(token = "good"): string {
    const ca = new TextEncoder().encode(this.ca).toBase64();
    return JSON.stringify({
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      clusters: [{ name: "test", cluster: { server: this.url, "certificate-authority-data": ca } }],
      users: [{ name: "test", user: { token } }],
    });
  }

  /** Puts an object there as somebody else, new or changed; `undefined` takes it away. */
  put(path: string, object: Record<string, unknown> | undefined): void {
    const before = this.#objects.get(path);
    if (object === undefined) {
      if (before !== undefined) this.#store(path, undefined, before);
      return;
    }
    const { metadata = {}, ...rest } = object as { metadata?: Record<string, unknown> };
    const name = decodeURIComponent(path.split("/").at(-1) ?? "");
    this.#store(
      path,
      { ...rest, metadata: { name, uid: crypto.randomUUID(), ...metadata } } as KubernetesObject,
      before,
    );
  }

  /** The object as it is there now. */
  object(path: string): KubernetesObject & { readonly data?: Record<string, string> } | undefined {
    return this.#objects.get(path) as ReturnType<FakeApiServer["object"]>;
  }

  /** Ends all watches, as a server does after a while. */
  endWatches(): void {
    for (const watcher of [...this.#watchers]) watcher.end();
  }

  /** Breaks all watches off with a line that is no event. */
  breakWatches(): void {
    for (const watcher of [...this.#watchers]) {
      watcher.send("no event");
      watcher.end();
    }
  }

  /** How many watches are open. */
  get watches(): number {
    return this.#watchers.size;
  }

  /** Forgets all changes so far: who goes on from one gets 410 Gone. */
  forget(): void {
    this.#changes = [];
    this.#oldest = this.#version;
  }

  /** Sends a bookmark to all watches. */
  bookmark(): void {
    const object = { metadata: { resourceVersion: String(this.#version) } };
    for (const { send } of this.#watchers) send({ type: "BOOKMARK", object });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endWatches();
    await this.shutdown();
  }

  private async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const match = /^\/api(?:s\/[^/]+)?\/v[^/]+(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?$/.exec(url.pathname);
    if (match === null) return this.#refuse({ code: 404, reason: "NotFound", message: "no such path" });
    const [, namespace, resource = "", inPath] = match;
    if (!this.knows(resource)) return new Response("404 page not found\n", { status: 404, headers: this.#headers() });
    const { searchParams: query } = url;
    const watches = query.get("watch") === "true";
    const selected = /^metadata\.name=(.+)$/.exec(query.get("fieldSelector") ?? "")?.[1];
    const name = inPath ?? selected;
    const verb = { GET: watches ? "watch" : inPath === undefined ? "list" : "get", POST: "create", PUT: "update" }[
      request.method
    ] ?? (request.method === "PATCH" ? "patch" : "delete");
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "");
    const call = { verb, resource, namespace, name, token };
    this.calls.push(call);
    this.before(call);
    if (this.fails(call)) return this.#refuse({ code: 500, reason: "InternalError", message: "etcd is away" });
    if (this.refuses(token)) return this.#refuse({ code: 401, reason: "Unauthorized", message: "Unauthorized" });
    if (this.denies(call)) {
      const message = `${resource} "${name ?? ""}" is forbidden: User "test" cannot ${verb} resource "${resource}"`;
      return this.#refuse({ code: 403, reason: "Forbidden", message });
    }
    const matches = (path: string, object: KubernetesObject) =>
      path.startsWith(`${url.pathname}/`) && (selected === undefined || object.metadata.name === selected) &&
      hasLabels(object, query.get("labelSelector"));
    if (watches) return this.#watch(matches, query.get("resourceVersion"));
    const body = request.method === "GET" || request.method === "DELETE" ? undefined : await request.json();
    return this.#answerOne(verb, url.pathname, body, matches);
  }

  #answerOne(verb: string, path: string, body: KubernetesObject | undefined, matches: Watcher["matches"]): Response {
    const missing = { code: 404, reason: "NotFound", message: `${path} not found` };
    const before = this.#objects.get(path);
    if (verb === "list") {
      const items = [...this.#objects].filter(([at, object]) => matches(at, object)).map(([, object]) => object);
      return this.#json({ metadata: { resourceVersion: String(this.#version) }, items });
    }
    if (verb === "create") {
      const at = `${path}/${body?.metadata.name}`;
      if (this.#objects.has(at)) return this.#refuse({ code: 409, reason: "AlreadyExists", message: `${at} exists` });
      this.put(at, body);
      return this.#json(this.#objects.get(at), 201);
    }
    if (before === undefined) return this.#refuse(missing);
    if (verb === "get") return this.#json(before);
    if (verb === "delete") {
      this.put(path, undefined);
      return this.#json({});
    }
    const version = body?.metadata?.resourceVersion;
    if (version !== undefined && version !== before.metadata.resourceVersion) {
      return this.#refuse({ code: 409, reason: "Conflict", message: "the object has been modified" });
    }
    this.put(path, verb === "patch" ? merge(before, body) as KubernetesObject : body);
    return this.#json(this.#objects.get(path));
  }

  #store(path: string, object: KubernetesObject | undefined, before: KubernetesObject | undefined): void {
    const version = ++this.#version;
    const type = object === undefined ? "DELETED" : before === undefined ? "ADDED" : "MODIFIED";
    const from = object ?? before;
    if (from === undefined) return;
    const stored = { ...from, metadata: { ...from.metadata, resourceVersion: String(version) } };
    if (object === undefined) this.#objects.delete(path);
    else this.#objects.set(path, stored);
    this.#changes.push({ version, type, path, object: stored });
    for (const { matches, send } of this.#watchers) if (matches(path, stored)) send({ type, object: stored });
  }

  #watch(matches: Watcher["matches"], from: string | null): Response {
    const encoder = new TextEncoder();
    let watcher: Watcher | undefined;
    const lines = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = (line: unknown) => controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
        if (Number(from) < this.#oldest) {
          send({ type: "ERROR", object: { code: 410, reason: "Expired", message: "too old resource version" } });
          controller.close();
          return;
        }
        for (const { version, type, path, object } of this.#changes) {
          if (version > Number(from) && matches(path, object)) send({ type, object });
        }
        const end = () => {
          this.#watchers.delete(own);
          controller.close();
        };
        const own = watcher = { matches, send, end };
        this.#watchers.add(own);
      },
      cancel: () => {
        if (watcher !== undefined) this.#watchers.delete(watcher);
      },
    });
    return new Response(lines, { headers: this.#headers() });
  }

  #json(value: unknown, status = 200): Response {
    return Response.json(value, { status, headers: this.#headers() });
  }

  #refuse(status: Status): Response {
    return this.#json({ kind: "Status", status: "Failure", ...status }, status.code);
  }

  #headers(): Record<string, string> {
    return { date: new Date(Date.now() + this.clockAhead).toUTCString() };
  }
}

function hasLabels(object: KubernetesObject, selector: string | null): boolean {
  const labels = (object.metadata as { labels?: Record<string, string> }).labels ?? {};
  return (selector ?? "").split(",").filter((pair) => pair !== "").every((pair) => {
    const [key = "", value = ""] = pair.split("=");
    return labels[key] === value;
  });
}

/** RFC 7396. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(typeof target === "object" ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
