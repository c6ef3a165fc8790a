import { formatSemanticVersion, parseSemanticVersion } from "../../ipfix/registry/semantic_version.ts";

/** The release that an image's tag names, or why it names none. */
export type ImageRelease = { readonly release: string } | { readonly reason: string };

/**
 * The release out of an image's name. A build of one counts as it: `v1.15.2-custom.1`, `v1.11.1_vmware.4`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(imageRelease("antrea/flow-aggregator:v2.0.0"), { release: "v2.0.0" });
 * assert.deepEqual(imageRelease("registry:5000/antrea/flow-aggregator"), {
 *   reason: 'image "registry:5000/antrea/flow-aggregator" has no tag, so that its release is not known',
 * });
 * ```
 */
export function imageRelease(image: string): ImageRelease {
  const [name = "", digest] = image.split("@");
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const unknown = (what: string) => ({ reason: `image "${image}" ${what}, so that its release is not known` });
  if (tag === undefined) return unknown(digest === undefined ? "has no tag" : "is named by its digest alone");
  const version = parseSemanticVersion(/^v?\d+\.\d+\.\d+(?=$|[-_+])/.exec(tag)?.[0].replace(/^v?/, "v") ?? "");
  if (version === undefined) return unknown(`has the tag "${tag}"`);
  return { release: formatSemanticVersion(version) };
}
