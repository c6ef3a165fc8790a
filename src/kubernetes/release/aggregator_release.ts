import type { Clock } from "../../proxy/time/clock.ts";
import type { ReportEvent } from "../../proxy/reporting/proxy_event.ts";
import { errorMessage } from "../../error_message.ts";
import type { KubernetesClient } from "../api/client.ts";
import { ApiError, isUnavailable } from "../api/api_error.ts";
import { follow } from "../api/follow.ts";
import { type Pod, pod } from "../api/objects.ts";
import { PODS } from "../api/resource.ts";
import { Problems } from "../problems.ts";
import { imageRelease } from "./image_release.ts";

/** The label of the Aggregator's Pods, and the name of its container in them. */
const AGGREGATOR_SELECTOR = "app=flow-aggregator";
const CONTAINER = "flow-aggregator";

/** The Aggregator's release according to its Pods. */
export interface ObservedRelease {
  /** `v2.0.0`: of the process that answers now. Missing: not known. */
  readonly release?: string;
  /** Of the process that comes next, where it is another one. */
  readonly next?: string;
  /** The process that runs, where it is the only one: its release, and an id that no other process has. */
  readonly running?: { readonly release: string; readonly process: string };
  /** Why the release is not known. */
  readonly reason?: string;
}

/** A source of the collector's release. */
export interface ReleaseSource {
  /** As last seen; undefined: not looked at yet, or the API server does not answer. */
  readonly observed: ObservedRelease | undefined;
  /** Calls back after every change. Returns a function that ends this. */
  onChange(listener: (observed: ObservedRelease) => void): () => void;
}

/** What following the Aggregator's release needs. */
export interface AggregatorReleaseOptions {
  readonly client: KubernetesClient;
  readonly clock: Clock;
  readonly report: ReportEvent;
  readonly namespace: string;
  /** The Pod that this process runs in, where it is known: in a sidecar, its Aggregator is the one that counts. */
  readonly ownPod?: string;
}

/** The Aggregator's release, from the image of its Pod. */
export class AggregatorRelease implements ReleaseSource, AsyncDisposable {
  readonly #listeners = new Set<(observed: ObservedRelease) => void>();
  readonly #closing = new AbortController();
  readonly #following: Promise<void>;
  readonly #report: ReportEvent;
  readonly #problems: Problems;
  #observed: ObservedRelease | undefined;
  #unavailable: string | undefined;

  constructor({ client, clock, report, namespace, ownPod }: AggregatorReleaseOptions) {
    this.#report = report;
    this.#problems = new Problems(report, "release_unknown");
    this.#following = follow(pod, { type: PODS, namespace, labelSelector: AGGREGATOR_SELECTOR }, {
      onObjects: (pods) => this.#see(observedRelease(pods, namespace, ownPod)),
      onRead: () => {
        this.#unavailable = undefined;
        this.#problems.set("release", this.#observed?.reason);
      },
      onFailure: (error) => {
        const reason = errorMessage(error);
        this.#unavailable = isUnavailable(error) ? reason : undefined;
        // The last known release stays: a server that does not answer does not contradict it.
        const isRefused = error instanceof ApiError && this.#unavailable === undefined;
        if (isRefused && this.#observed?.release === undefined) this.#see({ reason });
        else this.#problems.set("release", reason);
      },
    }, { client, clock, signal: this.#closing.signal }).ended;
  }

  get observed(): ObservedRelease | undefined {
    return this.#observed;
  }

  onChange(listener: (observed: ObservedRelease) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Why the API server is away; undefined: it is not. */
  get unavailable(): string | undefined {
    return this.#unavailable;
  }

  /** What is wrong now. */
  get problems(): readonly string[] {
    return this.#problems.all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#following;
  }

  #see(observed: ObservedRelease): void {
    this.#problems.set("release", observed.reason);
    const { release, next, reason, running } = this.#observed ?? {};
    const isSame = observed.release === release && observed.next === next && observed.reason === reason;
    if (isSame && observed.running?.process === running?.process) return;
    this.#observed = observed;
    if (!isSame && observed.release !== undefined) {
      const message = observed.next === undefined
        ? `the Aggregator's release is ${observed.release}`
        : `the Aggregator's release is ${observed.release}, and the next one's ${observed.next}`;
      this.#report({
        level: "info",
        event: "release_seen",
        message,
        fields: { release: observed.release, next: observed.next },
      });
    }
    for (const listener of this.#listeners) listener(observed);
  }
}

/**
 * The release of an Aggregator's Pods: that of the oldest that is not terminating, and as the next that of the newest.
 *
 * @param ownPod the name of the Pod that this process runs in: if it is one of them, the others are ignored
 */
export function observedRelease(pods: readonly Pod[], namespace: string, ownPod?: string): ObservedRelease {
  const own = pods.filter(({ metadata }) => metadata.name === ownPod);
  const aggregators = (own.length > 0 ? own : pods)
    .filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed")
    .flatMap((each) => {
      const image = each.spec.containers.find(({ name }) => name === CONTAINER)?.image;
      return image === undefined ? [] : [{ image, metadata: each.metadata, process: processOf(each) }];
    })
    .sort((one, other) => createdAt(one) - createdAt(other));
  const staying = aggregators.filter(({ metadata }) => typeof metadata.deletionTimestamp !== "string");
  const [oldest] = staying.length > 0 ? staying : aggregators;
  const newest = staying.at(-1);
  if (oldest === undefined) {
    return {
      reason: `there is no Pod with label ${AGGREGATOR_SELECTOR} and container ${CONTAINER} in namespace ${namespace}`,
    };
  }
  const [now, next] = [imageRelease(oldest.image), newest === undefined ? undefined : imageRelease(newest.image)];
  if ("reason" in now) return now;
  const running = runningOf(aggregators);
  const seen = { ...now, ...(running === undefined ? {} : { running }) };
  if (next === undefined || !("release" in next) || next.release === now.release) return seen;
  return { ...seen, next: next.release };
}

/** Only a Pod that runs alone is certain to be the one that answers, since a terminating Pod still does. */
function runningOf(aggregators: readonly { image: string; process: string | undefined }[]): ObservedRelease["running"] {
  const [one, ...others] = aggregators.filter(({ process }) => process !== undefined);
  if (one?.process === undefined || others.length > 0) return undefined;
  const found = imageRelease(one.image);
  return "reason" in found ? undefined : { release: found.release, process: one.process };
}

/** Of the Aggregator's container in a Pod: a restarted container has another id, and began at another time. */
function processOf({ status }: Pod): string | undefined {
  const container = status?.containerStatuses?.find(({ name }) => name === CONTAINER);
  const running = container?.state?.running;
  return running === undefined || running === null ? undefined : `${container?.containerID} ${running.startedAt}`;
}

function createdAt({ metadata }: Pick<Pod, "metadata">): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}
