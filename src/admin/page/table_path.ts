import type { TableRequest } from "./overview.ts";

/**
 * Returns the path of the dashboard that shows these sessions; it says nothing of what is at its default.
 *
 * ```ts
 * import { tablePath } from "./table_path.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(tablePath({ release: "v2.0-v2.5", verdict: "needed", page: 2 }), "/?release=v2.0-v2.5&verdict=needed&page=2");
 * assert.equal(tablePath({ order: "problem", page: 1 }), "/");
 * ```
 */
export function tablePath({ query, release, verdict, order, page, endedPage }: TableRequest, path = "/"): string {
  const parameters = new URLSearchParams();
  if (query !== undefined && query !== "") parameters.set("q", query);
  if (release !== undefined) parameters.set("release", release);
  if (verdict !== undefined) parameters.set("verdict", verdict);
  if (order !== undefined && order !== "problem") parameters.set("sort", order);
  if (page !== undefined && page > 1) parameters.set("page", String(page));
  if (endedPage !== undefined && endedPage > 1) parameters.set("ended", String(endedPage));
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}
