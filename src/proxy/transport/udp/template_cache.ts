import { dirname } from "node:path";
import { type Address, formatAddress } from "../address.ts";
import type { Clock } from "../../time/clock.ts";
import type { ReportEvent } from "../../reporting/proxy_event.ts";
import { decodeCacheFile, encodeCacheFile, encodeExporter, LONGEST_HEADER } from "./template_cache_file.ts";
import type { CachedExporter } from "./cached_exporter.ts";
import { errorMessage } from "../../../error_message.ts";

/** The file that keeps templates over a restart, how often it is written, and its size limit. */
export interface TemplateCacheOptions {
  readonly file: string;
  /** Minimum time between two writes, in milliseconds. */
  readonly interval: number;
  /** Maximum length of the file in octets. If it is too small, the exporters heard most recently are kept. */
  readonly size: number;
}

/** Why the file cannot be written. */
export interface CacheFault {
  readonly file: string;
  /** Of the first attempt that failed. */
  readonly since: Date;
  /** Of the last one. */
  readonly reason: string;
}

/** File operations of the cache. Tests replace them. */
export interface CacheDisk {
  /** Returns undefined if there is no such file. @throws if it cannot be read, or is longer than `longest` octets */
  read(path: string, longest: number): Promise<Uint8Array | undefined>;
  /** Replaces the file atomically. @throws if it cannot be written */
  replace(path: string, octets: Uint8Array): Promise<void>;
  /** Prepares for {@link replace}. @throws Error that says why it would fail */
  prepare(path: string): Promise<void>;
}

/** Exporters to encode before other work gets a turn. */
const EXPORTERS_A_TURN = 64;

/**
 * Keeps the templates of exporters over UDP on disk. Exporters announce them only every half hour or so, and until then
 * a restarted proxy could not decode their data.
 */
export class TemplateCache {
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  readonly #disk: CacheDisk;
  /** Exporters that have not been heard since the start, by listener and source. */
  readonly #remembered = new Map<string, CachedExporter>();
  readonly #cancel: () => void;
  /** Attempts to write the file so far, by outcome. */
  readonly writes = { written: 0, failed: 0 };
  #exporters: () => Iterable<CachedExporter> = () => [];
  #writing: Promise<void> = Promise.resolve();
  #written = "";
  #fault: CacheFault | undefined;
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
   * Reads the file, if there is one. A damaged file is reported and ignored.
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
      const message = "the template cache cannot be read: exporters over UDP have to announce their templates again";
      report({ level: "warning", event: "cache_ignored", message, fields: { file: options.file, reason } });
    }
    const cache = new TemplateCache(options, clock, report, disk, remembered);
    cache.#expire();
    if (remembered.length > 0) {
      const message = `templates of ${cache.#remembered.size} exporters over UDP were read from the cache`;
      report({ level: "info", event: "cache_read", message, fields: { file: options.file } });
    }
    return cache;
  }

  /** Writes the exporters that this function returns, from now on. */
  follow(exporters: () => Iterable<CachedExporter>): void {
    this.#exporters = exporters;
  }

  /** Why the file cannot be written, from the first attempt that failed until one succeeds. */
  get fault(): CacheFault | undefined {
    return this.#fault;
  }

  /** Returns what an exporter announced before the start, if that is still valid. Returns it only once. */
  recall(listener: Address, { hostname, port }: Address): CachedExporter | undefined {
    const key = keyOf({ listener: formatAddress(listener), address: hostname, port });
    const exporter = this.#remembered.get(key);
    this.#remembered.delete(key);
    return exporter !== undefined && this.#isValid(exporter) ? exporter : undefined;
  }

  /** Writes the file if anything has changed. Never throws. */
  save(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#save());
    return this.#writing;
  }

  /** Writes the current state of all exporters, and nothing after that. */
  finish(): Promise<void> {
    // Taken now, since sessions may end while the file is being written.
    const exporters = this.#all().map((exporter) => ({ ...exporter, templates: exporter.templates }));
    this.#exporters = () => exporters;
    this.#remembered.clear();
    return this.close(this.save());
  }

  /** Stops writing. Resolves when a write that is under way has finished. */
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
    // Templates cannot change without being announced.
    const state = exporters.map((exporter) => `${keyOf(exporter)} ${exporter.announcedAt}`).join();
    if (state === this.#written) return;
    try {
      await this.#disk.replace(this.options.file, await this.#encode(exporters));
      this.#written = state;
      this.writes.written++;
      if (this.#fault === undefined) return;
      this.#fault = undefined;
      const message = "the template cache of exporters over UDP is written again";
      this.#report({ level: "info", event: "cache_recovered", message, fields: { file: this.options.file } });
    } catch (error) {
      this.writes.failed++;
      const reason = errorMessage(error);
      const isKnown = this.#fault !== undefined;
      this.#fault = { file: this.options.file, since: this.#fault?.since ?? this.#clock.date(), reason };
      if (isKnown) return;
      const message = "the template cache of exporters over UDP cannot be written";
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
        this.#reportFull(exporters.length - lines.length);
        break;
      }
      lines.push(line);
      if (lines.length % EXPORTERS_A_TURN === 0) await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    }
    return encodeCacheFile(lines);
  }

  #reportFull(left: number): void {
    if (this.#full) return;
    this.#full = true;
    const { file, size } = this.options;
    const message = `the template cache of ${size} octets has no room for the templates of ${left} exporters over UDP`;
    this.#report({ level: "warning", event: "cache_full", message, fields: { file } });
  }

  #expire(): void {
    for (const [key, exporter] of this.#remembered) if (!this.#isValid(exporter)) this.#remembered.delete(key);
  }

  #isValid({ announcedAt, lifetime }: CachedExporter): boolean {
    return announcedAt + lifetime > this.#clock.date().getTime();
  }
}

function keyOf({ listener, address, port }: Pick<CachedExporter, "listener" | "address" | "port">): string {
  return `${listener} ${address} ${port}`;
}

/** The system's file operations. */
export const DISK: CacheDisk = {
  async read(path, longest) {
    try {
      const { size } = await refuseOthers(path);
      if (size > longest) throw new Error(`it is ${size} octets long; at most ${longest} are allowed`);
      return await Deno.readFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },

  async replace(path, octets) {
    await refuseOthers(path).catch(unlessMissing);
    const next = newName(path);
    // Never follows a link, nor opens what is there: the name must be new.
    const file = await Deno.open(next, { write: true, createNew: true, mode: 0o600 });
    try {
      try {
        for (let written = 0; written < octets.length;) written += await file.write(octets.subarray(written));
        await file.sync();
      } finally {
        file.close();
      }
      await Deno.rename(next, path);
    } catch (error) {
      await Deno.remove(next).catch(() => {});
      throw error;
    }
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
    await refuseOthers(path).catch(unlessMissing);
    const probe = newName(path);
    await Deno.writeFile(probe, new Uint8Array(0), { mode: 0o600, createNew: true });
    await Deno.remove(probe);
  },
};

/** An unpredictable name next to the file, so that nobody can put something else there first. */
function newName(path: string): string {
  return `${path}.${crypto.getRandomValues(new Uint8Array(8)).toHex()}.new`;
}

/** @throws Error where something else than a file stands under this path, a symbolic link included */
async function refuseOthers(path: string): Promise<Deno.FileInfo> {
  const info = await Deno.lstat(path);
  if (info.isSymlink) throw new Error(`${path} is a symbolic link; it has to be a file`);
  if (info.isDirectory) throw new Error(`${path} is a directory; it has to be a file`);
  if (!info.isFile) throw new Error(`${path} is a pipe or a device; it has to be a file`);
  return info;
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
