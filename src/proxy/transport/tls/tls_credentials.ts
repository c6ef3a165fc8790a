import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../time/clock.ts";
import type { ReportEvent } from "../../reporting/proxy_event.ts";
import { type CertificateExpiry, ExpiryWarnings } from "./expiry_warnings.ts";
import { errorMessage } from "../../../error_message.ts";

/** The certificate, key and trusted CA certificates of one side of TLS, as PEM, checked. */
export interface TlsMaterial {
  /** The certificate, followed by intermediate ones. Optional for dialling. */
  readonly certificate?: string;
  /** PKCS#8. */
  readonly key?: string;
  /**
   * CA certificates that the peer's must be issued by. Without them a collector is verified by the system's, exporters
   * not at all.
   */
  readonly ca?: string;
  /** When each of the certificates expires. */
  readonly expires: readonly CertificateExpiry[];
}

/** A source of TLS material that may change: files, or the API server of a cluster. */
export interface TlsCredentials {
  /** The material for new handshakes. */
  readonly material: TlsMaterial;
  /**
   * What the peer's process before the present one uses. A collector that does not verify by the material is dialled with this once
   * more: the process before may still be the one that answers.
   */
  readonly previous?: TlsMaterial | undefined;
  /** Calls the listener after every change. Returns a function that removes it. */
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

/**
 * Checks that the certificate, its key and the CA certificates can be parsed, and that the key belongs to the
 * certificate.
 *
 * @param pem the contents of the files
 * @throws Error that names the file that is wrong, and why
 */
export function checkTlsMaterial(pem: TlsFiles): TlsMaterial {
  if ((pem.certificate === undefined) !== (pem.key === undefined)) {
    throw new Error("a certificate and a key are needed together: one of them is missing");
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

/** Separates concatenated certificates by line breaks: without them node:tls ignores all but the first. */
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
 * Material from files that are read again when they change. Contents are compared instead of times, since Kubernetes
 * replaces a symlink to the directory. Material that fails the check is refused and reported, and the previous one
 * stays in use.
 */
export class FileCredentials implements TlsCredentials {
  material: TlsMaterial;
  readonly #paths: TlsFiles;
  readonly #report: ReportEvent;
  readonly #listeners = new Set<() => void>();
  readonly #expiry: ExpiryWarnings;
  readonly #cancel: () => void;
  #contents: string;
  #looking: Promise<void> = Promise.resolve();

  private constructor(paths: TlsFiles, pem: TlsFiles, clock: Clock, report: ReportEvent) {
    this.#paths = paths;
    this.#report = report;
    this.#expiry = new ExpiryWarnings(clock, report);
    this.#contents = JSON.stringify(pem);
    this.material = checkTlsMaterial(pem);
    this.#expiry.look(this.material.expires);
    this.#cancel = clock.every(REFRESH_MILLISECONDS, () => void this.refresh());
  }

  /** @throws Error that names the file that cannot be read, or what is wrong with its contents */
  static async open(paths: TlsFiles, clock: Clock, report: ReportEvent): Promise<FileCredentials> {
    return new FileCredentials(paths, await readFiles(paths), clock, report);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Checks whether the files have changed, one check at a time. Called every few seconds. Never throws. */
  refresh(): Promise<void> {
    return this.#looking = this.#looking.then(() => this.#look());
  }

  async #look(): Promise<void> {
    this.#expiry.look(this.material.expires);
    let contents = "";
    try {
      const pem = await readFiles(this.#paths);
      contents = JSON.stringify(pem);
      if (contents === this.#contents) return;
      this.material = checkTlsMaterial(pem);
    } catch (error) {
      // Reported once for each state of the files.
      if (contents === this.#contents) return;
      this.#contents = contents;
      const reason = errorMessage(error);
      const message = "the TLS files have changed and cannot be used; the previous ones stay in use";
      this.#report({ level: "error", event: "certificate_refused", message, fields: { reason, ...this.#paths } });
      return;
    }
    this.#contents = contents;
    this.#expiry.reset();
    const message = "the TLS files have changed and are in use";
    this.#report({ level: "info", event: "certificate_changed", message, fields: { ...this.#paths } });
    this.#expiry.look(this.material.expires);
    for (const listener of this.#listeners) listener();
  }

  /** Stops checking. */
  close(): void {
    this.#cancel();
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
