/**
 * A Kubernetes API server in memory whose every step a test takes itself: when a request takes effect, when its answer
 * arrives, when a watch delivers its next event. Objects are linearizable, a watch delivers events in order, and
 * resource versions are opaque: they differ, and that is all they say.
 */
import type { z } from "zod";
import { apiError, ApiUnreachable, type Verb } from "../../../src/kubernetes/api/api_error.ts";
import type { KubernetesCalls, ObjectList } from "../../../src/kubernetes/api/client.ts";
import type { KubernetesObject } from "../../../src/kubernetes/api/objects.ts";
import {
  describeTarget,
  type ObjectTarget,
  resourcePath,
  type ResourceTarget,
} from "../../../src/kubernetes/api/resource.ts";
import type { WatchEvent } from "../../../src/kubernetes/api/watch_stream.ts";

interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly path: string;
  readonly object: KubernetesObject;
}

/** One request under way. */
export class ModelRequest {
  /** What the server answers, once the request has taken effect. */
  #answer: (() => unknown) | undefined;
  readonly answered: Promise<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    readonly verb: Verb,
    readonly target: ResourceTarget,
    readonly effect: () => unknown,
    readonly onEnd: (request: ModelRequest) => void,
    /** What is written. */
    readonly body?: KubernetesObject,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    promise.catch(() => {});
    [this.answered, this.#resolve, this.#reject] = [promise, resolve, reject];
  }

  get isServed(): boolean {
    return this.#answer !== undefined;
  }

  /** The server does what the request asks for. */
  serve(): void {
    if (this.#answer !== undefined) return;
    try {
      const result = this.effect();
      this.#answer = () => result;
    } catch (error) {
      this.#answer = () => {
        throw error;
      };
    }
  }

  /** The answer arrives. */
  answer(): void {
    this.serve();
    this.onEnd(this);
    try {
      this.#resolve(this.#answer?.());
    } catch (error) {
      this.#reject(error);
    }
  }

  /** The connection breaks: no answer arrives, whether or not the request took effect. */
  break(): void {
    this.onEnd(this);
    const message = `${this.verb} ${describeTarget(this.target)}: the API server gives no answer: broken off`;
    this.#reject(new ApiUnreachable(message));
  }
}

/** One open watch. */
export class ModelWatch {
  readonly #arrived: WatchEvent[] = [];
  #end: { readonly error?: Error } | undefined;
  #wake = () => {};

  /** @param next the change that it delivers next */
  constructor(readonly model: KubernetesModel, readonly target: ResourceTarget, public next: number) {}

  /** Whether a change has not arrived yet. */
  get lags(): boolean {
    return this.model.changes.slice(this.next).some((change) => this.#concerns(change));
  }

  /** The next change arrives; without one, a bookmark. */
  deliver(): void {
    for (; this.next < this.model.changes.length; this.next++) {
      const change = this.model.changes[this.next];
      if (change === undefined || !this.#concerns(change)) continue;
      this.next++;
      return this.#arrive({ type: change.type, object: change.object });
    }
    this.#arrive({ type: "BOOKMARK", object: { metadata: { name: "", resourceVersion: this.model.version } } });
  }

  /** The server ends it in order, as it does every few seconds. */
  close(): void {
    this.#finish({});
  }

  /** The connection breaks. */
  break(message = "broken off"): void {
    this.#finish({
      error: new ApiUnreachable(`watch ${describeTarget(this.target)}: the API server gives no answer: ${message}`),
    });
  }

  async *events(signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const abort = () => this.break("aborted");
    signal.addEventListener("abort", abort);
    try {
      for (;;) {
        for (let event = this.#arrived.shift(); event !== undefined; event = this.#arrived.shift()) yield event;
        if (this.#end?.error !== undefined) throw this.#end.error;
        if (this.#end !== undefined) return;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      signal.removeEventListener("abort", abort);
      this.model.watches.delete(this);
    }
  }

  #concerns({ path }: Change): boolean {
    return path === resourcePath(this.target);
  }

  #arrive(event: WatchEvent): void {
    this.#arrived.push(event);
    this.#wake();
  }

  #finish(end: { readonly error?: Error }): void {
    this.#end ??= end;
    this.model.watches.delete(this);
    this.#wake();
  }
}

/** The server, and the calls to it. */
export class KubernetesModel {
  readonly changes: Change[] = [];
  readonly requests = new Set<ModelRequest>();
  readonly watches = new Set<ModelWatch>();
  /** Requests that took effect. */
  readonly served: { readonly verb: Verb; readonly path: string }[] = [];
  /** Requests that are answered with 403. */
  denies: (verb: Verb, target: ResourceTarget) => boolean = () => false;
  /** Requests that are answered with 500. */
  fails: (target: ResourceTarget) => boolean = () => false;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #positions = new Map<string, number>();
  #oldest = 0;
  #version = "";

  constructor() {
    this.#newVersion();
  }

  /** The current resource version of everything. */
  get version(): string {
    return this.#version;
  }

  /** An object as it is now. */
  object(target: ObjectTarget): KubernetesObject & { readonly data?: Readonly<Record<string, string>> } | undefined {
    return this.#objects.get(resourcePath(target)) as ReturnType<KubernetesModel["object"]>;
  }

  /** Writes an object as somebody else; undefined: deletes it. */
  put(target: ObjectTarget, object: Readonly<Record<string, unknown>> | undefined): KubernetesObject | undefined {
    const path = resourcePath(target);
    const before = this.#objects.get(path);
    if (object === undefined && before === undefined) return undefined;
    const resourceVersion = this.#newVersion();
    const from = object ?? before ?? {};
    const metadata = { name: target.name, ...from.metadata as object, resourceVersion };
    const stored = { ...from, metadata } as KubernetesObject;
    if (object === undefined) this.#objects.delete(path);
    else this.#objects.set(path, stored);
    const type = object === undefined ? "DELETED" : before === undefined ? "ADDED" : "MODIFIED";
    this.changes.push({ type, path, object: stored });
    this.#positions.set(resourceVersion, this.changes.length);
    return stored;
  }

  /** Forgets all changes so far: a watch from an earlier version gets 410 Gone. */
  compact(): void {
    this.#oldest = this.changes.length;
  }

  /** What a proxy calls. */
  readonly calls: KubernetesCalls = {
    find: async <T>(schema: z.ZodType<T>, target: ObjectTarget, signal?: AbortSignal) => {
      const answer = await this.#ask("get", target, () => this.object(target) ?? null, signal);
      return answer === null ? undefined : schema.parse(answer);
    },
    list: async <T>(schema: z.ZodType<T>, target: ResourceTarget, signal?: AbortSignal) => {
      const list = () => {
        const object = this.#objects.get(resourcePath(target));
        return { objects: object === undefined ? [] : [object], resourceVersion: this.#version };
      };
      const answer = await this.#ask("list", target, list, signal) as ObjectList<unknown>;
      return { ...answer, objects: answer.objects.map((object) => schema.parse(object)) };
    },
    update: async <T>(schema: z.ZodType<T>, target: ObjectTarget, object: T) =>
      schema.parse(
        await this.#write("update", target, object as KubernetesObject, (body) => this.#update(target, body)),
      ),
    create: async (target: ObjectTarget, object: unknown) => {
      await this.#write("create", target, object as KubernetesObject, (body) => {
        if (this.object(target) !== undefined) throw apiError("create", target, 409, { reason: "AlreadyExists" });
        this.put(target, body);
      });
    },
    watch: (target, resourceVersion, signal, onOpen) => this.#watch(target, resourceVersion, signal, onOpen),
  };

  #update(target: ObjectTarget, object: KubernetesObject): unknown {
    const before = this.object(target);
    if (before === undefined) throw apiError("update", target, 404, { reason: "NotFound" });
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
      throw apiError("update", target, 409, { reason: "Conflict", message: "the object has been modified" });
    }
    return this.put(target, object);
  }

  async *#watch(
    target: ResourceTarget,
    resourceVersion: string,
    signal: AbortSignal,
    onOpen: () => void = () => {},
  ): AsyncGenerator<WatchEvent> {
    const watch = await this.#ask("watch", target, () => {
      const position = this.#positions.get(resourceVersion);
      if (position === undefined) throw apiError("watch", target, 400, { message: "no resource version of mine" });
      if (position < this.#oldest) throw apiError("watch", target, 410, { reason: "Expired" });
      return new ModelWatch(this, target, position);
    }, signal) as ModelWatch;
    this.watches.add(watch);
    onOpen();
    yield* watch.events(signal);
  }

  #write(verb: Verb, target: ObjectTarget, body: KubernetesObject, effect: (body: KubernetesObject) => unknown) {
    return this.#ask(verb, target, () => effect(body), undefined, body);
  }

  async #ask(
    verb: Verb,
    target: ResourceTarget,
    effect: () => unknown,
    signal?: AbortSignal,
    body?: KubernetesObject,
  ): Promise<unknown> {
    const takeEffect = () => {
      this.served.push({ verb, path: resourcePath(target) });
      if (this.fails(target)) throw apiError(verb, target, 500, {});
      if (this.denies(verb, target)) throw apiError(verb, target, 403, {});
      return effect();
    };
    const request = new ModelRequest(verb, target, takeEffect, (ended) => this.requests.delete(ended), body);
    if (signal?.aborted) request.break();
    else this.requests.add(request);
    const abort = () => request.break();
    signal?.addEventListener("abort", abort);
    try {
      return await request.answered;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #newVersion(): string {
    this.#version = crypto.randomUUID().slice(0, 8);
    this.#positions.set(this.#version, this.changes.length);
    return this.#version;
  }
}
