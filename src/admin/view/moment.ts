import type { AdminView } from "./view.ts";

/**
 * Returns the view with the collector's state and the verdict of this moment: reading each visits every session, and a
 * page or a scrape reads them often.
 */
export function momentOf(view: AdminView): AdminView {
  const { collector, verdict } = view;
  return Object.create(view, { collector: { value: collector }, verdict: { value: verdict } });
}
