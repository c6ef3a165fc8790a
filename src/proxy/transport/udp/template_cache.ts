import { dirname } from "node:path";
import { type Address, formatAddress } from "../address.ts";
import type { Clock } from "../../time/clock.ts";
import type { ReportEvent } from "../../reporting/proxy_event.ts";
import { decodeCacheFile, encodeCacheFile, encodeExporter, LONGEST_HEADER } from "./template_cache_file.ts";
import type { CachedExporter } from "./cached_exporter.ts";
import { errorMessage } from "../../../error_message.ts";

/** Where templates are kept over a restart, how often they are written, and how much that may be. */
export interface TemplateCacheOptions {
  readonly file: string;
  /** Milliseconds between two writings at least. */
  readonly interval: number;
  /** Octets of the file at most: of more, the exporters that were heard last are kept. */
  readonly size: number;
}

/** The disk, as far as a cache needs it. */
export interface CacheDisk {
  /** Undefined: there is no such file. @throws where it cannot be read, or is longer than so many octets */
  read(path: string, longest: number): Promise<Uint8Array | undefined>;
  /** Replaces the file as a whole, or leaves it as it was. @throws where it cannot be written */
  replace(path: string, octets: Uint8Array): Promise<void>;
  /** @throws Error that says what is missing for {@link replace} to work */
  prepare(path: string): Promise<void>;
}

/** So many exporters are written down before anything else gets its turn. */
const EXPORTERS_A_TURN = 64;

/**
 * The templates of exporters over UDP, on disk: those announce them every half hour or so, and data that comes before is of no use to
 * a proxy that was started anew.
 */
export class TemplateCache {
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  readonly #disk: CacheDisk;
  /** Those that were not heard since the start, by listener and source. */
  readonly #remembered = new Map<string, CachedExporter>();
  readonly #cancel: () => void;
  #exporters: () => Iterable<CachedExporter> = () => [];
  #writing: Promise<void> = Promise.resolve();
  #written = "";
  #failing = false;
  #full = false;

  private constructor(
    readonly options: TemplateCacheOptions,
    clock: Clock,
    report: ReportEvent,
    disk: CacheDisk,
    remembered: readonly CachedExporter[],
  ) {
    this.#clock = clock;
    this.#report = report;
    this.#disk = disk;
    for (const exporter of remembered) this.#remembered.set(keyOf(exporter), exporter);
    this.#cancel = clock.every(options.interval, () => void this.save());
  }

  /**
   * Reads the file, where there is one. One that is broken is said and ignored.
   *
   * @throws Error that says why the file could not be written later
   */
  static async open(
    options: TemplateCacheOptions,
    clock: Clock,
    report: ReportEvent,
    disk: CacheDisk = DISK,
  ): Promise<TemplateCache> {
    await disk.prepare(options.file);
    let remembered: CachedExporter[] = [];
    try {
      const octets = await disk.read(options.file, options.size + LONGEST_HEADER);
      if (octets !== undefined) remembered = decodeCacheFile(octets);
    } catch (error) {
      const reason = errorMessage(error);
      const message =
        "the templates kept over a restart are of no use: exporters over UDP have to announce theirs again";
      report({ level: "warning", event: "cache_ignored", message, fields: { file: options.file, reason } });
    }
    const cache = new TemplateCache(options, clock, report, disk, remembered);
    cache.#expire();
    if (remembered.length > 0) {
      const message = `templates of ${cache.#remembered.size} exporters over UDP are known from before the start`;
      report({ level: "info", event: "cache_read", message, fields: { file: options.file } });
    }
    return cache;
  }

  /** Asks this for what is to be written. */
  follow(exporters: () => Iterable<CachedExporter>): void {
    this.#exporters = exporters;
  }

  /** What an exporter that was not heard yet announced before the start, as far as that still holds. Given once. */
  recall(listener: Address, { hostname, port }: Address): CachedExporter | undefined {
    const key = keyOf({ listener: formatAddress(listener), address: hostname, port });
    const exporter = this.#remembered.get(key);
    this.#remembered.delete(key);
    return exporter !== undefined && this.#holds(exporter) ? exporter : undefined;
  }

  /** Writes what there is to remember, where that has changed. Never throws. */
  save(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#save());
    return this.#writing;
  }

  /** Writes what there is to remember at this moment, and no more after that. */
  finish(): Promise<void> {
    // Sessions that end meanwhile take their templates with them.
    const exporters = this.#all().map((exporter) => ({ ...exporter, templates: exporter.templates }));
    this.#exporters = () => exporters;
    this.#remembered.clear();
    return this.close(this.save());
  }

  /** Writes no more; what is being written is finished. */
  close(last: Promise<void> = this.#writing): Promise<void> {
    this.#cancel();
    return last;
  }

  #all(): CachedExporter[] {
    this.#expire();
    return [...this.#exporters(), ...this.#remembered.values()]
      .sort((one, other) => other.announcedAt - one.announcedAt);
  }

  async #save(): Promise<void> {
    const exporters = this.#all();
    // Templates never change without being announced.
    const state = exporters.map((exporter) => `${keyOf(exporter)} ${exporter.announcedAt}`).join();
    if (state === this.#written) return;
    try {
      await this.#disk.replace(this.options.file, await this.#encode(exporters));
      this.#written = state;
      this.#failing = false;
    } catch (error) {
      if (this.#failing) return;
      this.#failing = true;
      const reason = errorMessage(error);
      const message = "the templates of exporters over UDP cannot be written down for a restart";
      this.#report({
        level: "error",
        event: "cache_write_failed",
        message,
        fields: { file: this.options.file, reason },
      });
    }
  }

  async #encode(exporters: readonly CachedExporter[]): Promise<Uint8Array> {
    const lines: string[] = [];
    let room = this.options.size;
    for (const exporter of exporters) {
      if (exporter.templates.length === 0) continue;
      const line = encodeExporter(exporter);
      room -= line.length;
      if (room < 0) {
        this.#sayFull(exporters.length - lines.length);
        break;
      }
      lines.push(line);
      if (lines.length % EXPORTERS_A_TURN === 0) await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    }
    return encodeCacheFile(lines);
  }

  #sayFull(left: number): void {
    if (this.#full) return;
    this.#full = true;
    const { file, size } = this.options;
    const message = `the templates of ${left} exporters over UDP have no room in ${size} octets`;
    this.#report({ level: "warning", event: "cache_full", message, fields: { file } });
  }

  #expire(): void {
    for (const [key, exporter] of this.#remembered) if (!this.#holds(exporter)) this.#remembered.delete(key);
  }

  #holds({ announcedAt, lifetime }: CachedExporter): boolean {
    return announcedAt + lifetime > this.#clock.date().getTime();
  }
}

function keyOf({ listener, address, port }: Pick<CachedExporter, "listener" | "address" | "port">): string {
  return `${listener} ${address} ${port}`;
}

/** The machine's own disk. */
export const DISK: CacheDisk = {
  async read(path, longest) {
    try {
      const { size, isFile } = await Deno.stat(path);
      if (!isFile || size > longest) throw new Error(`${size} octets, and ${longest} may be`);
      return await Deno.readFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },

  async replace(path, octets) {
    const next = `${path}.new`;
    const file = await Deno.open(next, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      for (let written = 0; written < octets.length;) written += await file.write(octets.subarray(written));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(next, path);
  },

  async prepare(path) {
    const directory = dirname(path);
    const { state } = await Deno.permissions.query({ name: "write", path: directory });
    if (state !== "granted") {
      throw new Error(
        `cannot write ${path}: the permission is missing (run with --allow-write=${directory}; deno task serve:cache ` +
          "allows the folder cache)",
      );
    }
    await Deno.mkdir(directory, { recursive: true });
    const probe = `${path}.new`;
    await Deno.writeFile(probe, new Uint8Array(0), { mode: 0o600 });
    await Deno.remove(probe);
  },
};
