import type { TlsCredentials } from "../../proxy/transport/tls/tls_credentials.ts";
import type { TlsMaterial } from "../../certificates/tls_material.ts";

/** TLS material that comes from a cluster, and may not be there yet. */
export class ClusterCredentials implements TlsCredentials {
  readonly #listeners = new Set<() => void>();
  #material: TlsMaterial | undefined;
  #previous: TlsMaterial | undefined;

  /** @param waitingFor says what is missing, while there is no material */
  constructor(readonly waitingFor: () => string) {}

  /** Whether there is any. From then on there always is. */
  get established(): boolean {
    return this.#material !== undefined;
  }

  /** @throws Error that says what it waits for, while there is none */
  get material(): TlsMaterial {
    if (this.#material === undefined) throw new Error(`there is no trust yet: waiting for ${this.waitingFor()}`);
    return this.#material;
  }

  /** What the peer's process before this one uses, for as long as it can be around. */
  get previous(): TlsMaterial | undefined {
    return this.#previous;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes this from now on. Whether it is something else than before. */
  use(material: TlsMaterial): boolean {
    if (sameMaterial(this.#material, material)) return false;
    this.#material = material;
    for (const listener of this.#listeners) listener();
    return true;
  }

  /** Keeps this for peers that do not verify by the material in use; undefined: nothing. */
  keepPrevious(previous: TlsMaterial | undefined): void {
    this.#previous = previous;
  }
}

function sameMaterial(one: TlsMaterial | undefined, other: TlsMaterial): boolean {
  return one?.certificate === other.certificate && one?.key === other.key && one?.ca === other.ca;
}
