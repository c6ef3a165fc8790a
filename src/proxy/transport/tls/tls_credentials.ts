import type { Clock } from "../../time/clock.ts";
import type { ReportEvent } from "../../reporting/proxy_event.ts";
import { ExpiryWarnings } from "./expiry_warnings.ts";
import { checkTlsMaterial, type TlsFiles, type TlsMaterial } from "../../../certificates/tls_material.ts";
import { certificateFault, type Side } from "../../../certificates/certificate_fault.ts";
import { errorMessage, systemReason } from "../../../error_message.ts";
import { readTextFileNow } from "../../../text_file.ts";

/** A source of TLS material that may change: files, or the API server of a cluster. */
export interface TlsCredentials {
  /** The material for new handshakes. */
  readonly material: TlsMaterial;
  /**
   * What the peer's process before the present one uses. A collector that does not verify by the material is dialled
   * with this once more: the process before may still be the one that answers.
   */
  readonly previous?: TlsMaterial | undefined;
  /** Calls the listener after every change. Returns a function that removes it. */
  onChange(listener: () => void): () => void;
}

const REFRESH_MILLISECONDS = 5_000;

/**
 * Material from files that are read again when they change. Contents are compared instead of times, since Kubernetes
 * replaces a symlink to the directory. Material that fails the check, or is not valid now while that in use is, is
 * refused and reported, and the previous one stays in use.
 */
export class FileCredentials implements TlsCredentials {
  material: TlsMaterial;
  readonly #paths: TlsFiles;
  readonly #report: ReportEvent;
  readonly #listeners = new Set<() => void>();
  readonly #expiry: ExpiryWarnings;
  readonly #cancel: () => void;
  readonly #clock: Clock;
  readonly #side: Side;
  #contents: string;
  /** The material refused last, reported once. It is checked every time, since a certificate may become valid. */
  #refused = "";
  #looking: Promise<void> = Promise.resolve();

  private constructor(paths: TlsFiles, pem: TlsFiles, clock: Clock, report: ReportEvent, side: Side) {
    this.#paths = paths;
    this.#report = report;
    this.#clock = clock;
    this.#side = side;
    this.#expiry = new ExpiryWarnings(clock, report);
    this.#contents = JSON.stringify(pem);
    this.material = checkTlsMaterial(pem);
    this.#expiry.look(this.material.certificates);
    this.#cancel = clock.every(REFRESH_MILLISECONDS, () => void this.refresh());
  }

  /** @throws Error that names the file that cannot be read, or what is wrong with its contents */
  static async open(
    paths: TlsFiles,
    clock: Clock,
    report: ReportEvent,
    side: Side = "listener",
  ): Promise<FileCredentials> {
    return new FileCredentials(paths, await readFiles(paths), clock, report, side);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Checks whether the files have changed, one check at a time. Called every few seconds. Rejects only with what a
   * listener throws, and the next check is made all the same.
   */
  refresh(): Promise<void> {
    const look = () => this.#look();
    return this.#looking = this.#looking.then(look, look);
  }

  async #look(): Promise<void> {
    this.#expiry.look(this.material.certificates);
    let contents = "";
    try {
      const pem = await readFiles(this.#paths);
      contents = JSON.stringify(pem);
      if (contents === this.#contents) {
        this.#refused = "";
        return;
      }
      this.material = this.#checked(pem);
    } catch (error) {
      // Reported once for each state of the files.
      if (contents === this.#refused) return;
      this.#refused = contents;
      const reason = errorMessage(error);
      const message = "the TLS files have changed and cannot be used; the previous ones stay in use";
      this.#report({ level: "error", event: "certificate_refused", message, fields: { reason, ...this.#paths } });
      return;
    }
    this.#contents = contents;
    this.#refused = "";
    this.#expiry.reset();
    const message = "the TLS files have changed and are in use";
    this.#report({ level: "info", event: "certificate_changed", message, fields: { ...this.#paths } });
    this.#expiry.look(this.material.certificates);
    for (const listener of this.#listeners) listener();
  }

  /** @throws Error where the material is wrong, or is not valid now while that in use is */
  #checked(pem: TlsFiles): TlsMaterial {
    const material = checkTlsMaterial(pem);
    const now = this.#clock.date();
    const fault = certificateFault(this.#side, material.certificates, now);
    if (fault === undefined || certificateFault(this.#side, this.material.certificates, now) !== undefined) {
      return material;
    }
    throw new Error(fault);
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
      contents[role] = await Promise.resolve(path).then(readTextFileNow);
    } catch (error) {
      throw new Error(`${role}: cannot read ${path}: ${systemReason(error)}`, {
        cause: error,
      });
    }
  }
  return contents;
}
