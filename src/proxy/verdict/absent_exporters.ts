/** Why an exporter did not get in. */
export type Rejection = "handshake" | "limit";

/** An exporter that tried to connect and did not get in. */
export interface RejectedExporter {
  readonly why: Rejection;
  /** `10.1.2.3` */
  readonly address: string;
  /** Why, in words; for a limit its name, with its value if that is known. */
  readonly reason: string;
}

/** Exporters from one address whose sessions the proxy closed because it could not reach the collector. */
interface Abandoned {
  count: number;
  skewed: boolean;
}

/** Addresses kept, so that a scan from many of them cannot grow the process. */
const ADDRESSES = 8192;
/**
 * Milliseconds for which an exporter that did not get in is expected back. Antrea Agents try again after 5 s, those of
 * v1.11 after 30 s.
 */
const REJECTED_FOR = 60_000;
/** Milliseconds after the collector's return for which exporters that were closed without it are expected back. */
const ABANDONED_FOR = 300_000;

/**
 * Exporters that are known to be there although they have no session: the TLS handshake failed, a limit was reached,
 * or the proxy closed them because the collector was unreachable. They may need rewriting.
 */
export class AbsentExporters {
  readonly #rejected = new Map<string, RejectedExporter & { readonly at: number }>();
  readonly #abandoned = new Map<string, Abandoned>();
  /** When the collector was last unreachable. */
  #collectorAwayAt = -Infinity;

  /** An exporter tried to connect and did not get in. */
  reject(exporter: RejectedExporter, now: number): void {
    // At the end of the map, so that the first is the one that has not tried for longest.
    this.#rejected.delete(exporter.address);
    const oldest = this.#rejected.keys().next();
    if (this.#rejected.size >= ADDRESSES && oldest.done !== true) this.#rejected.delete(oldest.value);
    this.#rejected.set(exporter.address, { ...exporter, at: now });
  }

  /** The proxy has closed an exporter's session because the collector was unreachable. */
  abandon(address: string, skewed: boolean, now: number): void {
    this.#collectorAwayAt = now;
    const known = this.#abandoned.get(address);
    if (known !== undefined) {
      known.count++;
      known.skewed ||= skewed;
    } else if (this.#abandoned.size < ADDRESSES) this.#abandoned.set(address, { count: 1, skewed });
  }

  /**
   * An exporter has a session.
   *
   * @returns whether it needed rewriting when the proxy last closed it for lack of a collector
   */
  arrive(address: string): boolean {
    this.#rejected.delete(address);
    const known = this.#abandoned.get(address);
    if (known === undefined) return false;
    if (--known.count === 0) this.#abandoned.delete(address);
    return known.skewed;
  }

  /** Forgets those that have not come back in time. Called at every look. */
  expire(now: number, collectorUp: boolean): void {
    for (const [address, { at }] of this.#rejected) {
      if (now - at < REJECTED_FOR) break;
      this.#rejected.delete(address);
    }
    if (!collectorUp) this.#collectorAwayAt = now;
    else if (now - this.#collectorAwayAt >= ABANDONED_FOR) this.#abandoned.clear();
  }

  /** How many exporters did not get in for this reason, and the one that tried last. */
  rejected(why: Rejection): { readonly exporters: number; readonly last: RejectedExporter } | undefined {
    let exporters = 0;
    let last: RejectedExporter | undefined;
    for (const exporter of this.#rejected.values()) {
      if (exporter.why !== why) continue;
      exporters++;
      last = exporter;
    }
    return last === undefined ? undefined : { exporters, last };
  }

  /**
   * How many exporters were closed without a collector and have not come back: all, and those that needed rewriting;
   * and until when they are expected, in milliseconds of the clock, if the collector stays up.
   */
  abandoned(): { readonly exporters: number; readonly skewed: number; readonly until: number } {
    let exporters = 0;
    let skewed = 0;
    for (const abandoned of this.#abandoned.values()) {
      exporters += abandoned.count;
      if (abandoned.skewed) skewed += abandoned.count;
    }
    return { exporters, skewed, until: this.#collectorAwayAt + ABANDONED_FOR };
  }
}
