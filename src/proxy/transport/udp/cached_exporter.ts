import type { Address } from "../address.ts";

/** The templates that an exporter over UDP announced, as they are cached. */
export interface CachedExporter {
  /** The address that the exporter's listener is bound to: `0.0.0.0:4739`. */
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  /** When it last announced any template, in milliseconds since 1970. */
  readonly announcedAt: number;
  /** How many milliseconds its templates stay valid after that. */
  readonly lifetime: number;
  /** Messages that contain only templates. */
  readonly templates: readonly Uint8Array[];
}

/** Returns what a source announced to a listener before the start, if it is still valid. Returns it only once. */
export type Recall = (listener: Address, source: Address) => CachedExporter | undefined;
