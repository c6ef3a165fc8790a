import { usesTls } from "../ipfix/transport_protocol.ts";
import type { CollectorSettings } from "./configuration.ts";
import type { Path } from "./yaml/mistake.ts";
import type { ConfigurationReader } from "./configuration_reader.ts";
import type { Sections } from "./sections.ts";
import { collectorTls } from "./tls_settings.ts";

/** The part of a `collector:` that says how to reach it. */
type Choice = Pick<Sections["collector"], "transport" | "address" | "tls" | "watch" | "templateRefresh">;

/** Resolves collectors; equal settings give the same object. */
export class Collectors {
  readonly #all = new Map<string, CollectorSettings>();

  constructor(readonly reader: ConfigurationReader) {}

  /** Every resolved collector, with the path that first named it. */
  readonly named: { readonly collector: CollectorSettings; readonly path: Path }[] = [];

  /** The collector at the top of the file; undefined with mistakes. */
  base({ transport, address, tls, watch, templateRefresh }: Choice): CollectorSettings | undefined {
    const path = ["collector"];
    const settings = transport === undefined ? undefined : collectorTls(this.reader, [...path, "tls"], transport, tls);
    if (transport === undefined || address === undefined) return undefined;
    if (usesTls(transport) && settings === undefined) return undefined;
    for (const [key, value] of Object.entries({ watch, templateRefresh })) {
      if (value === undefined || transport === "udp") continue;
      this.reader.mistake([...path, key], `not with transport ${transport} (transport: udp)`, "key");
    }
    return this.#once({
      transport,
      address,
      ...(settings === undefined ? {} : { tls: settings }),
      ...(watch?.address === undefined ? {} : { watch: watch.address }),
      ...(templateRefresh === undefined ? {} : { templateRefresh }),
    }, path);
  }

  /** The collector of a rule: its own keys over those of the base. Undefined where it has none, or with mistakes. */
  over(base: CollectorSettings | undefined, choice: Partial<Choice>, path: Path): CollectorSettings | undefined {
    const { reader } = this;
    if (choice.transport === undefined && choice.address === undefined && choice.tls === undefined) return undefined;
    const transport = choice.transport ?? base?.transport;
    const address = choice.address ?? base?.address;
    if (transport === undefined || address === undefined) return undefined;
    const inherits = choice.tls === undefined && usesTls(transport) && base?.tls !== undefined;
    const tls = inherits ? base.tls : collectorTls(reader, [...path, "tls"], transport, choice.tls);
    if (usesTls(transport) && tls === undefined) return undefined;
    return this.#once({ transport, address, ...(tls === undefined ? {} : { tls }) }, path);
  }

  #once(collector: CollectorSettings, path: Path): CollectorSettings {
    const key = JSON.stringify(collector);
    const known = this.#all.get(key);
    if (known !== undefined) return known;
    this.#all.set(key, collector);
    this.named.push({ collector, path });
    return collector;
  }
}
