import type { TlsCredentials } from "../../proxy/transport/tls/tls_credentials.ts";
import type { TlsMaterial } from "../../certificates/tls_material.ts";

/** TLS material from a cluster, which may not exist yet. */
export class ClusterCredentials implements TlsCredentials {
  readonly #listeners = new Set<() => void>();
  #material: TlsMaterial | undefined;
  #previous: TlsMaterial | undefined;

  /** @param waitingFor says what is missing, while there is no material */
  constructor(readonly waitingFor: () => string) {}

  /** Whether there is material. Once there is, it stays. */
  get established(): boolean {
    return this.#material !== undefined;
  }

  /** @throws Error that says what it waits for, while there is none */
  get material(): TlsMaterial {
    if (this.#material === undefined) throw new Error(`there is no trust yet: waiting for ${this.waitingFor()}`);
    return this.#material;
  }

  /** Material for the peer's previous process, for as long as that may be running. */
  get previous(): TlsMaterial | undefined {
    return this.#previous;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Puts this material in force. Returns whether it differs from the previous one. */
  use(material: TlsMaterial): boolean {
    if (sameMaterial(this.#material, material)) return false;
    this.#material = material;
    for (const listener of this.#listeners) listener();
    return true;
  }

  /** Keeps this for peers that the material in use does not verify; undefined: nothing. */
  keepPrevious(previous: TlsMaterial | undefined): void {
    this.#previous = previous;
  }
}

function sameMaterial(one: TlsMaterial | undefined, other: TlsMaterial): boolean {
  return one?.certificate === other.certificate && one?.key === other.key && one?.ca === other.ca;
}
