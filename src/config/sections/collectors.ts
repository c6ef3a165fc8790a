import { usesTls } from "../../ipfix/message/transport_protocol.ts";
import type { CollectorSettings } from "../configuration.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";
import { describeEndpoint } from "./listener_conflicts.ts";
import type { PeerSection, Sections } from "./sections.ts";
import { collectorTls } from "./tls_settings.ts";
import { type Path, pathText } from "../yaml/mistake.ts";

/** A `collector:` of the file, or of a rule. */
type Choice = NonNullable<PeerSection["collector"]>;

/** Keys that say how to reach a collector. */
const WAY = ["transport", "address", "tls", "watch", "templateRefresh"] as const;

/** Keys that say how a collector's profile takes effect, of which a collector has one set only. */
const MANNER = ["switch", "acceptedAfter", "candidates"] as const;

/** A collector with the path that first named it. */
export interface NamedCollector {
  readonly collector: CollectorSettings;
  readonly path: Path;
  readonly switch: "restart" | "now";
  readonly acceptedAfter: number;
  /** Profiles by name; undefined: as at the top of the file. */
  readonly candidates: readonly string[] | undefined;
  /** The profile that the first rule to name it has; undefined: as at the top of the file. */
  readonly profile: string | undefined;
}

/** Resolves collectors; equal settings give the same object. */
export class Collectors {
  /** Every resolved collector. */
  readonly named: NamedCollector[] = [];

  constructor(readonly reader: ConfigurationReader) {}

  /** The collector at the top of the file; undefined with mistakes. */
  base(choice: Sections["collector"]): NamedCollector | undefined {
    const { transport, address } = choice;
    const path = ["collector"];
    const tls = transport === undefined ? undefined : this.#tls(path, transport, choice.tls);
    if (transport === undefined || address === undefined) return undefined;
    if (usesTls(transport) && tls === undefined) return undefined;
    return this.#name(this.#settings({ ...choice, transport, address }, tls, path), choice, path);
  }

  /** The collector of a rule, its own keys over those of the base. Undefined where it has none, or with mistakes. */
  over(base: NamedCollector | undefined, choice: Choice, path: Path): NamedCollector | undefined {
    if (![...WAY, ...MANNER].some((key) => choice[key] !== undefined)) return undefined;
    const { collector: above } = base ?? {};
    const transport = choice.transport ?? above?.transport;
    const address = choice.address ?? above?.address;
    if (transport === undefined || address === undefined) return undefined;
    const inherits = choice.tls === undefined && usesTls(transport) && above?.tls !== undefined;
    const tls = inherits ? above.tls : this.#tls(path, transport, choice.tls);
    if (usesTls(transport) && tls === undefined) return undefined;
    const isElsewhere = choice.transport !== undefined || choice.address !== undefined;
    const over = transport !== "udp" ? {} : {
      watch: choice.watch ?? (isElsewhere || above?.watch === undefined ? undefined : { address: above.watch }),
      templateRefresh: choice.templateRefresh ?? above?.templateRefresh,
    };
    const settings = this.#settings({ ...choice, ...over, transport, address }, tls, path);
    const known = this.named.find(({ collector }) => placeOf(collector) === placeOf(settings));
    if (known === undefined) {
      const { switch: when, acceptedAfter } = { ...base, ...definedOf(choice) };
      return this.#name(settings, { ...choice, switch: when, acceptedAfter }, path);
    }
    this.#refuseDifferences(known, settings, choice, path);
    return known;
  }

  #tls(path: Path, transport: CollectorSettings["transport"], tls: Choice["tls"]): CollectorSettings["tls"] {
    return collectorTls(this.reader, [...path, "tls"], transport, tls);
  }

  #settings(
    { transport, address, watch, templateRefresh }: Choice & Pick<CollectorSettings, "transport" | "address">,
    tls: CollectorSettings["tls"],
    path: Path,
  ): CollectorSettings {
    for (const [key, value] of Object.entries({ watch, templateRefresh })) {
      if (value === undefined || transport === "udp") continue;
      this.reader.mistake([...path, key], `not with transport ${transport} (transport: udp)`, "key");
    }
    return {
      transport,
      address,
      ...(tls === undefined ? {} : { tls }),
      ...(watch?.address === undefined ? {} : { watch: watch.address }),
      ...(templateRefresh === undefined ? {} : { templateRefresh }),
    };
  }

  #name(collector: CollectorSettings, choice: Choice, path: Path): NamedCollector {
    const { switch: when = "restart", acceptedAfter = 0, candidates, profile } = choice;
    const named = { collector, path, switch: when, acceptedAfter, candidates, profile };
    this.named.push(named);
    return named;
  }

  /** Two rules that name one collector share its connection, so that there are no two opinions of it. */
  #refuseDifferences(known: NamedCollector, settings: CollectorSettings, choice: Choice, path: Path): void {
    const what = `is the collector of ${pathText(known.path)}, ${describeEndpoint(settings)}, with another`;
    for (const key of ["tls", "watch", "templateRefresh"] as const) {
      if (JSON.stringify(settings[key]) === JSON.stringify(known.collector[key])) continue;
      const at = choice[key] === undefined ? path : [...path, key];
      this.reader.mistake(at, `${what} ${key} (the same, or an address of its own)`, "key");
    }
    for (const key of MANNER) {
      if (choice[key] === undefined || JSON.stringify(choice[key]) === JSON.stringify(known[key])) continue;
      this.reader.mistake([...path, key], `${what} ${key} (the same, or an address of its own)`, "key");
    }
  }
}

function placeOf({ transport, address }: CollectorSettings): string {
  return JSON.stringify([transport, address.hostname, address.port]);
}

/** The keys of a choice that are there. */
function definedOf({ switch: when, acceptedAfter }: Choice): Pick<Choice, "switch" | "acceptedAfter"> {
  return {
    ...(when === undefined ? {} : { switch: when }),
    ...(acceptedAfter === undefined ? {} : { acceptedAfter }),
  };
}
