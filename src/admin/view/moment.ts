import type { AdminView } from "./view.ts";

/**
 * Returns the view with the collectors' state and the verdict of one moment, that of the first look: each look visits
 * every session, and a page, a scrape or a list of sessions looks many times.
 */
export function momentOf(view: AdminView): AdminView {
  const once = <Key extends "collector" | "otherCollectors" | "verdict">(key: Key): PropertyDescriptor => {
    let value: { readonly seen: AdminView[Key] } | undefined;
    return { get: () => (value ??= { seen: view[key] }).seen };
  };
  return Object.create(view, {
    collector: once("collector"),
    otherCollectors: once("otherCollectors"),
    verdict: once("verdict"),
  });
}
