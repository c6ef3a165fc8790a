import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import type { CollectorSettings, PeerMatch, PeerRule } from "../configuration.ts";
import { pathText } from "../yaml/mistake.ts";
import { isSessionMatch } from "./peer_matching.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";
import type { PeerSection, Sections } from "../sections/sections.ts";
import { checksCertificates } from "../sections/tls_settings.ts";
import type { RuleLayer } from "./treatments.ts";

/** Reads one peer rule; mistakes go to the reader. */
export function ruleLayer(
  reader: ConfigurationReader,
  { listen }: Sections,
  { path, match: choice, mode, collector, plugins }: PeerSection,
  index: number,
  over: { readonly collector?: CollectorSettings | undefined; readonly profile?: Profile | undefined },
): RuleLayer {
  const match: PeerMatch = Object.fromEntries(
    Object.entries(choice ?? {}).filter(([, value]) => value !== undefined),
  );
  if (match.certificateName !== undefined && !listen.some((listener) => checksCertificates(listener?.tls))) {
    const at = [...path, "match", "certificateName"];
    reader.mistake(at, "no listener checks certificates (a tls listener with a ca)", "key");
  }
  return {
    name: pathText(["peers", index]),
    match,
    matchText: matchText(reader, path, match),
    mode,
    dialect: collector?.dialect,
    plugins,
    decides: isSessionMatch(match) || [mode, collector?.dialect, over.collector].some((own) => own !== undefined),
    ...over,
  };
}

/** A rule's `match:` as written in the file. */
function matchText(reader: ConfigurationReader, path: PeerSection["path"], match: PeerMatch): PeerRule["matchText"] {
  const written: Record<string, string | number> = {};
  for (const key of Object.keys(match)) {
    const value = reader.document.valueAt([...path, "match", key]);
    if (typeof value === "string" || typeof value === "number") written[key] = value;
  }
  return written;
}
