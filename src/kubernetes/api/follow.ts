import type { z } from "zod";
import { type Clock, pause } from "../../proxy/time/clock.ts";
import { AccessDenied, isExpired } from "./api_error.ts";
import { Backoff } from "./backoff.ts";
import type { KubernetesClient } from "./client.ts";
import type { KubernetesObject } from "./objects.ts";
import type { ResourceTarget } from "./resource.ts";

const FIRST_RETRY = 250;
const LAST_RETRY = 5_000;
/** Interval of polling where list or watch is denied: a restarted Aggregator's objects are noticed within two seconds. */
const POLL = 1_000;
/** Polls after which watching is tried again. */
const POLLS_BETWEEN_WATCHES = 60;

/** What an object must carry to be followed. */
export type Followable = Pick<KubernetesObject, "metadata">;

/** Receives changes of followed objects. */
export interface FollowSink<T> {
  /** Called with all current objects, after the first read and after every change. */
  readonly onObjects: (objects: readonly T[]) => void;
  /** The objects were read, changed or not: an earlier failure is over. */
  readonly onRead: () => void;
  /** A read or watch failed; it is tried again with backoff. */
  readonly onFailure: (error: unknown) => void;
  /** Listing or watching is not allowed: the one object is read every second instead. Undefined: it is watched. */
  readonly onPolling?: (error: AccessDenied | undefined) => void;
}

/** What following needs. */
export interface FollowOptions {
  readonly client: KubernetesClient;
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Follows objects until the signal aborts: reads them, watches them from there, reads them again if the server has
 * dropped the resource version, and reconnects with backoff. Needs the verbs `list` and `watch`, limited to the name if
 * one object is followed. If they are denied, one object is polled with `get`. Never rejects.
 */
export async function follow<T extends Followable>(
  schema: z.ZodType<T>,
  target: ResourceTarget,
  sink: FollowSink<T>,
  options: FollowOptions,
): Promise<void> {
  const { clock, signal } = options;
  const backoff = new Backoff(FIRST_RETRY, LAST_RETRY);
  const objects = new FollowedObjects(schema, sink.onObjects);
  let polls = 0;
  while (!signal.aborted) {
    let wait: number;
    try {
      if (polls > 0) {
        await objects.poll(target, options);
        sink.onRead();
        polls--;
        wait = POLL;
        backoff.reset();
      } else {
        const from = await objects.list(target, options);
        sink.onRead();
        const onOpen = () => sink.onPolling?.(undefined);
        await watch(target, from, objects, options, onOpen, () => backoff.reset());
        wait = backoff.next();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (target.name !== undefined && error instanceof AccessDenied && error.verb !== "get") {
        sink.onPolling?.(error);
        polls = POLLS_BETWEEN_WATCHES;
        continue;
      }
      sink.onFailure(error);
      wait = backoff.next();
    }
    await pause(clock, wait, signal);
  }
}

/** Watches until the server drops the resource version or the watch breaks; renews a watch that ended in order. */
async function watch<T extends Followable>(
  target: ResourceTarget,
  from: string,
  objects: FollowedObjects<T>,
  { client, clock, signal }: FollowOptions,
  onOpen: () => void,
  onLife: () => void,
): Promise<void> {
  let version: string | undefined = from;
  for (;;) {
    const began = clock.now();
    try {
      for await (const event of client.watch(target, version, signal, onOpen)) {
        version = event.object.metadata.resourceVersion ?? version;
        if (event.type === "BOOKMARK") continue;
        onLife();
        objects.apply(event.type, event.object);
      }
    } catch (error) {
      if (clock.now() - began > LAST_RETRY) onLife();
      if (isExpired(error)) return;
      throw error;
    }
    // Waits before renewing a watch that ended as soon as it began.
    if (signal.aborted || clock.now() - began < FIRST_RETRY) return;
    onLife();
  }
}

/** The current objects; reports changes. */
class FollowedObjects<T extends Followable> {
  readonly #schema: z.ZodType<T>;
  readonly #tell: (objects: readonly T[]) => void;
  #objects = new Map<string, T>();
  #looked = false;

  constructor(schema: z.ZodType<T>, tell: (objects: readonly T[]) => void) {
    this.#schema = schema;
    this.#tell = tell;
  }

  /** Reads all objects. Returns the resource version to watch from. */
  async list(target: ResourceTarget, { client, signal }: FollowOptions): Promise<string> {
    const { objects, resourceVersion } = await client.list(this.#schema, target, signal);
    this.#replace(objects);
    return resourceVersion;
  }

  /** Reads the one object. */
  async poll({ name = "", ...target }: ResourceTarget, { client, signal }: FollowOptions): Promise<void> {
    const object = await client.find(this.#schema, { ...target, name }, signal);
    this.#replace(object === undefined ? [] : [object]);
  }

  apply(type: "ADDED" | "MODIFIED" | "DELETED", changed: KubernetesObject): void {
    const key = keyOf(changed);
    const { success, data } = this.#schema.safeParse(changed);
    if (type === "DELETED" || !success) {
      if (this.#objects.delete(key)) this.#tell([...this.#objects.values()]);
      return;
    }
    if (this.#objects.get(key)?.metadata.resourceVersion === changed.metadata.resourceVersion) return;
    this.#objects.set(key, data);
    this.#tell([...this.#objects.values()]);
  }

  #replace(objects: readonly T[]): void {
    const next = new Map(objects.map((object) => [keyOf(object), object]));
    const same = this.#looked && next.size === this.#objects.size &&
      [...next].every(([key, { metadata }]) =>
        this.#objects.get(key)?.metadata.resourceVersion === metadata.resourceVersion
      );
    this.#looked = true;
    this.#objects = next;
    if (!same) this.#tell(objects);
  }
}

function keyOf({ metadata: { namespace = "", name } }: Followable): string {
  return `${namespace}/${name}`;
}
