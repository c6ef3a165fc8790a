import type { AdminView, CollectorView } from "./view.ts";

type Viewed = Pick<AdminView, "collector" | "otherCollectors">;

/** All collectors, first that of sessions for which no peer rule names another. */
export function allCollectors({ collector, otherCollectors = [] }: Viewed): CollectorView[] {
  return [collector, ...otherCollectors];
}

/** Octets waiting in the proxy for any collector. */
export function heldOctets(view: Viewed): number {
  return allCollectors(view).reduce((sum, { heldOctets }) => sum + heldOctets, 0);
}

/** Data records that were received and are neither sent nor dropped yet. */
export function recordsInHand(view: Viewed): number {
  return allCollectors(view).reduce((sum, { recordsInHand }) => sum + recordsInHand, 0);
}

/** What the collector of a session expects. */
export function expectedBy(view: Viewed, { collector }: { readonly collector?: string | undefined }): string {
  return allCollectors(view).find(({ key }) => key !== undefined && key === collector)?.profile ??
    view.collector.profile;
}
