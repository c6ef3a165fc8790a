import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../time/clock.ts";
import type { ReportEvent } from "../../reporting/proxy_event.ts";
import { errorMessage } from "../../../error_message.ts";

/** What one side of TLS shows and trusts, as PEM, checked. */
export interface TlsMaterial {
  /** The certificate, and those between it and its root. Missing where a collector is reached without one. */
  readonly certificate?: string;
  /** PKCS#8. */
  readonly key?: string;
  /** Certificates that the peer's must go back to. Missing: the machine's own, and no certificate is asked of exporters. */
  readonly ca?: string;
  /** When the certificate, or the first of those trusted, ends. */
  readonly expires: readonly CertificateExpiry[];
}

/** When a certificate ends. */
export interface CertificateExpiry {
  readonly role: "certificate" | "ca";
  readonly subject: string;
  readonly expiresAt: Date;
}

/** Where TLS material comes from, whoever keeps it current: files, or the API server of a cluster. */
export interface TlsCredentials {
  /** What handshakes that begin now use. */
  readonly material: TlsMaterial;
  /** Calls back after every change, until what comes back is called. */
  onChange(listener: () => void): () => void;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate?: string;
  /** PKCS#1, PKCS#8 or SEC 1, not encrypted. */
  readonly key?: string;
  readonly ca?: string;
}

const REFRESH_MILLISECONDS = 5_000;
const WARN_BEFORE_MILLISECONDS = 14 * 24 * 3_600_000;
const WARN_EVERY_MILLISECONDS = 24 * 3_600_000;

/**
 * Checks that the certificate, its key and the CA certificates can be read and belong together.
 *
 * @param pem contents of the files
 * @throws Error that says which of them is wrong, and how
 */
export function checkTlsMaterial(pem: TlsFiles): TlsMaterial {
  if ((pem.certificate === undefined) !== (pem.key === undefined)) {
    throw new Error("a certificate and a key go together: one of them is missing");
  }
  const certificates = pem.certificate === undefined ? [] : parseCertificates("certificate", pem.certificate);
  const key = pem.key === undefined ? undefined : parseKey(pem.key);
  const leaf = certificates[0];
  if (leaf !== undefined && key !== undefined && !leaf.checkPrivateKey(key)) {
    throw new Error("key: it does not belong to the certificate");
  }
  const authorities = pem.ca === undefined ? [] : parseCertificates("ca", pem.ca);
  return {
    ...(pem.certificate === undefined ? {} : { certificate: eachOnItsLine(pem.certificate) }),
    ...(key === undefined ? {} : { key: key.export({ type: "pkcs8", format: "pem" }).toString() }),
    ...(pem.ca === undefined ? {} : { ca: eachOnItsLine(pem.ca) }),
    expires: [
      ...(leaf === undefined ? [] : [expiry("certificate", leaf)]),
      ...authorities.map((authority) => expiry("ca", authority)),
    ],
  };
}

/** Files put together without a line break between them make node:tls pass over all certificates but the first. */
function eachOnItsLine(pem: string): string {
  return pem.replaceAll("-----END CERTIFICATE----------BEGIN", "-----END CERTIFICATE-----\n-----BEGIN");
}

function parseCertificates(role: string, pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`${role}: no PEM certificate in it`);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new Error(`${role}: certificate ${index + 1} cannot be read`, { cause: error });
    }
  });
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error("key: no private key can be read from it (PEM: PKCS#1, PKCS#8 or SEC 1, not encrypted)", {
      cause: error,
    });
  }
}

function expiry(role: CertificateExpiry["role"], certificate: X509Certificate): CertificateExpiry {
  return { role, subject: certificate.subject, expiresAt: new Date(certificate.validTo) };
}

/**
 * Material from files, read again when they change: Kubernetes swaps the symlink to a whole new directory, so contents are compared,
 * not times. What does not check is refused, said, and what was good stays in use.
 */
export class FileCredentials implements TlsCredentials {
  material: TlsMaterial;
  readonly #paths: TlsFiles;
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  readonly #listeners = new Set<() => void>();
  readonly #cancel: () => void;
  #contents: string;
  #looking: Promise<void> = Promise.resolve();
  #warnedAt = -Infinity;

  private constructor(paths: TlsFiles, pem: TlsFiles, clock: Clock, report: ReportEvent) {
    this.#paths = paths;
    this.#clock = clock;
    this.#report = report;
    this.#contents = JSON.stringify(pem);
    this.material = checkTlsMaterial(pem);
    this.#warnOfExpiry();
    this.#cancel = clock.every(REFRESH_MILLISECONDS, () => void this.refresh());
  }

  /** @throws Error that names the file that cannot be read, or what is wrong in it */
  static async open(paths: TlsFiles, clock: Clock, report: ReportEvent): Promise<FileCredentials> {
    return new FileCredentials(paths, await readFiles(paths), clock, report);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks whether the files have changed; done by itself every few seconds. Never throws. One look at a time. */
  refresh(): Promise<void> {
    return this.#looking = this.#looking.then(() => this.#look());
  }

  async #look(): Promise<void> {
    this.#warnOfExpiry();
    let contents = "";
    try {
      const pem = await readFiles(this.#paths);
      contents = JSON.stringify(pem);
      if (contents === this.#contents) return;
      this.material = checkTlsMaterial(pem);
    } catch (error) {
      // Said once for each state of the files, not at every look.
      if (contents === this.#contents) return;
      this.#contents = contents;
      const reason = errorMessage(error);
      const message = "the TLS files have changed and are no good; the ones before stay in use";
      this.#report({ level: "error", event: "certificate_refused", message, fields: { reason, ...this.#paths } });
      return;
    }
    this.#contents = contents;
    this.#warnedAt = -Infinity;
    const message = "the TLS files have changed and are in use";
    this.#report({ level: "info", event: "certificate_changed", message, fields: { ...this.#paths } });
    this.#warnOfExpiry();
    for (const listener of this.#listeners) listener();
  }

  /** Looks no more. */
  close(): void {
    this.#cancel();
  }

  #warnOfExpiry(): void {
    const soon = this.#clock.date().getTime() + WARN_BEFORE_MILLISECONDS;
    const ending = this.material.expires.filter(({ expiresAt }) => expiresAt.getTime() < soon);
    if (ending.length === 0 || this.#clock.now() - this.#warnedAt < WARN_EVERY_MILLISECONDS) return;
    this.#warnedAt = this.#clock.now();
    for (const { role, subject, expiresAt } of ending) {
      const message = `the ${role} of ${subject} ends at ${expiresAt.toISOString()}`;
      this.#report({ level: "warning", event: "certificate_expires", message, fields: { role, subject, expiresAt } });
    }
  }
}

async function readFiles(paths: TlsFiles): Promise<TlsFiles> {
  const contents: Record<string, string> = {};
  for (const [role, path] of Object.entries(paths)) {
    try {
      contents[role] = await Deno.readTextFile(path);
    } catch (error) {
      throw new Error(`${role}: cannot read ${path}: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }
  return contents;
}
