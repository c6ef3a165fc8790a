import type { Address } from "../address.ts";

/** What one exporter over UDP announced, as it stood when it was written down. */
export interface CachedExporter {
  /** Where it sends to: `0.0.0.0:4739`, as the listener is bound. */
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  /** When it last announced any template, in milliseconds since 1970. */
  readonly announcedAt: number;
  /** For how many milliseconds from then its templates hold. */
  readonly lifetime: number;
  /** Messages of templates alone. */
  readonly templates: readonly Uint8Array[];
}

/** Gives what a source announced to a listener before the start, once; undefined: nothing that holds. */
export type Recall = (listener: Address, source: Address) => CachedExporter | undefined;
