import type { z } from "zod";
import { type Clock, pause } from "../../proxy/time/clock.ts";
import { AccessDenied, isExpired } from "./api_error.ts";
import { Backoff } from "./backoff.ts";
import type { KubernetesCalls, ObjectList } from "./client.ts";
import type { KubernetesObject } from "./objects.ts";
import type { ResourceTarget } from "./resource.ts";

const FIRST_RETRY = 250;
const LAST_RETRY = 5_000;
/**
 * Interval of polling where list or watch is denied: a restarted Aggregator's objects are noticed within two seconds.
 */
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
  readonly client: KubernetesCalls;
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Objects that are followed. */
export interface Following {
  /** Resolves once the signal has aborted. Never rejects. */
  readonly ended: Promise<void>;
  /**
   * Reads the objects again at once, instead of waiting for what a watch brings. They are reported even if they have
   * not changed, and whatever is reported from now on was read after this call.
   */
  readonly readAgain: () => void;
}

/**
 * Follows objects until the signal aborts: reads them, watches them from there, reads them again if the server has
 * dropped the resource version, and reconnects with backoff. Needs the verbs `list` and `watch`, limited to the name if
 * one object is followed. If they are denied, one object is polled with `get`.
 *
 * Resource versions cannot be compared but for equality, so nothing else may bring an object up to date: of two answers
 * nobody could tell the later one. All reads and events come here one after the other.
 */
export function follow<T extends Followable>(
  schema: z.ZodType<T>,
  target: ResourceTarget,
  sink: FollowSink<T>,
  options: FollowOptions,
): Following {
  const follower = new Follower(schema, target, sink, options);
  return { ended: follower.run(), readAgain: () => follower.readAgain() };
}

class Follower<T extends Followable> {
  readonly #schema: z.ZodType<T>;
  readonly #target: ResourceTarget;
  readonly #sink: FollowSink<T>;
  readonly #options: FollowOptions;
  readonly #objects: FollowedObjects<T>;
  readonly #backoff = new Backoff(FIRST_RETRY, LAST_RETRY);
  /** Polls that are left before watching is tried again. */
  #polls = 0;
  /** Ends what is under way. */
  #attempt = new AbortController();

  constructor(schema: z.ZodType<T>, target: ResourceTarget, sink: FollowSink<T>, options: FollowOptions) {
    this.#schema = schema;
    this.#target = target;
    this.#sink = sink;
    this.#options = options;
    this.#objects = new FollowedObjects(schema, sink.onObjects);
  }

  readAgain(): void {
    this.#objects.forget();
    this.#attempt.abort();
  }

  async run(): Promise<void> {
    const { clock, signal } = this.#options;
    const end = () => this.#attempt.abort();
    signal.addEventListener("abort", end);
    while (!signal.aborted) {
      const attempt = this.#attempt = new AbortController();
      const wait = await this.#try(attempt.signal);
      await pause(clock, wait, attempt.signal);
    }
    signal.removeEventListener("abort", end);
  }

  /** Reads, and watches for as long as it goes. Returns milliseconds to wait before the next attempt. */
  async #try(signal: AbortSignal): Promise<number> {
    try {
      if (this.#polls > 0) {
        await this.#read(this.#poll(signal), signal);
        this.#polls--;
        this.#backoff.reset();
        return POLL;
      }
      const from = await this.#read(this.#options.client.list(this.#schema, this.#target, signal), signal);
      if (from !== undefined) await this.#watch(from, signal);
      return this.#backoff.next();
    } catch (error) {
      if (signal.aborted) return 0;
      if (this.#target.name !== undefined && error instanceof AccessDenied && error.verb !== "get") {
        this.#sink.onPolling?.(error);
        this.#polls = POLLS_BETWEEN_WATCHES;
        return 0;
      }
      this.#sink.onFailure(error);
      return this.#backoff.next();
    }
  }

  /**
   * Takes over what is read. Returns the resource version to watch from; undefined: {@link readAgain} was called since.
   */
  async #read(reading: Promise<ObjectList<T>>, signal: AbortSignal): Promise<string | undefined> {
    const { objects, resourceVersion } = await reading;
    if (signal.aborted) return undefined;
    this.#objects.replace(objects);
    this.#sink.onRead();
    return resourceVersion;
  }

  /** Reads the one object without the right to list it. */
  async #poll(signal: AbortSignal): Promise<ObjectList<T>> {
    const { name = "", ...target } = this.#target;
    const object = await this.#options.client.find(this.#schema, { ...target, name }, signal);
    return { objects: object === undefined ? [] : [object], resourceVersion: "" };
  }

  /** Watches until the server drops the resource version or the watch breaks; renews a watch that ended in order. */
  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    let version = from;
    const onOpen = () => this.#sink.onPolling?.(undefined);
    for (;;) {
      const began = clock.now();
      try {
        for await (const event of client.watch(this.#target, version, signal, onOpen)) {
          if (signal.aborted) return;
          version = event.object.metadata.resourceVersion ?? version;
          if (event.type === "BOOKMARK") continue;
          this.#backoff.reset();
          this.#objects.apply(event.type, event.object);
        }
      } catch (error) {
        if (clock.now() - began > LAST_RETRY) this.#backoff.reset();
        if (isExpired(error)) return;
        throw error;
      }
      // Waits before renewing a watch that ended as soon as it began.
      if (signal.aborted || clock.now() - began < FIRST_RETRY) return;
      this.#backoff.reset();
    }
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

  /** What is read next is reported even if it has not changed. */
  forget(): void {
    this.#looked = false;
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

  /** These are all objects there are. */
  replace(objects: readonly T[]): void {
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
