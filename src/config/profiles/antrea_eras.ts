import {
  createReleaseDetector,
  type DetectRelease,
  type ReleaseEra,
} from "../../mediation/mapping/profile/release_detector.ts";
import { ANTREA_RELEASES } from "./antrea_releases.ts";
import { loadProfile } from "./profiles.ts";

/** One template era of Antrea. */
export interface AntreaEra extends ReleaseEra {
  /** First release: `v2.0.0`. */
  readonly since: string;
  /** Last release: `v2.5.3`. */
  readonly until: string;
}

let eras: readonly AntreaEra[] | undefined;

/** The template eras of Antrea, oldest first. */
export function antreaEras(): readonly AntreaEra[] {
  return eras ??= [...Map.groupBy(ANTREA_RELEASES, ({ era }) => era)].flatMap(([profile, releases]) => {
    const [first, last] = [releases[0], releases.at(-1)];
    if (first === undefined || last === undefined) return [];
    const range = first.line === last.line ? first.line : `${first.line}-${last.line}`;
    const templates = loadProfile(profile).templates.map(({ fields }) => fields.map(({ element }) => element));
    return [{ profile, range, templates, since: first.release, until: last.release }];
  });
}

let detect: DetectRelease | undefined;

/** Detects an Antrea Agent's release from its template: `{ profile: "antrea/v2.0", range: "v2.0-v2.5" }`. */
export const detectAntreaRelease: DetectRelease = (template) => {
  detect ??= createReleaseDetector(antreaEras());
  return detect(template);
};
