import { checkTlsMaterial, type TlsFiles } from "../../src/certificates/tls_material.ts";
import type { TlsCredentials } from "../../src/proxy/transport/tls/tls_credentials.ts";

/** Credentials that stand, or that a test changes. */
export class Credentials implements TlsCredentials {
  material;
  #listeners = new Set<() => void>();

  constructor(pem: TlsFiles) {
    this.material = checkTlsMaterial(pem);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(pem: TlsFiles): void {
    this.material = checkTlsMaterial(pem);
    for (const listener of this.#listeners) listener();
  }
}
