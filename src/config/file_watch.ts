import { dirname } from "node:path";
import { readTextFileNow } from "../text_file.ts";

/** Timers in milliseconds; each call returns a function that cancels it. The proxy's clock implements this. */
export interface Timers {
  after(milliseconds: number, callback: () => void): () => void;
  every(milliseconds: number, callback: () => void): () => void;
}

/** Yields whenever something happens in a directory. */
export interface DirectoryWatch extends AsyncIterable<unknown> {
  close(): void;
}

/** The file system, so that tests can replace it. */
export interface FileWatchDependencies {
  /** @throws where the directory cannot be watched */
  readonly watchDirectory?: (directory: string) => DirectoryWatch;
  /** @throws where the file cannot be read */
  readonly readTextFile?: (path: string) => Promise<string>;
  /** Returns the directory of a path with symlinks resolved. @throws where the path does not exist */
  readonly realDirectory?: (path: string) => Promise<string>;
}

/** How long files may settle after an event, in milliseconds: an editor empties a file before it writes it. */
const SETTLE = 150;
/** How often files are read without an event, in milliseconds: not every file system reports events. */
const POLL = 5_000;

/**
 * Watches files for changed content. It watches directories, because Kubernetes swaps a symlink beside the file
 * (`..data`) and editors rename another file over it; and it compares contents, because most events in a directory
 * change none of the files. Where a directory cannot be watched, the files are read every few seconds.
 */
export class FileWatch {
  readonly #timers: Timers;
  readonly #onChange: (paths: readonly string[]) => void;
  readonly #dependencies: Required<FileWatchDependencies>;
  /** The content of each file when it was last read; undefined: it could not be read. */
  #known = new Map<string, string | undefined>();
  #watches: DirectoryWatch[] = [];
  #cancelPoll: () => void;
  #cancelLook: (() => void) | undefined;
  #changed = new Set<string>();
  /** Increases with every call of {@link watch}: a read that began before it is discarded. */
  #generation = 0;

  /** @param onChange is called with the files whose content has changed, once per change */
  constructor(
    timers: Timers,
    onChange: (paths: readonly string[]) => void,
    dependencies: FileWatchDependencies = {},
  ) {
    this.#timers = timers;
    this.#onChange = onChange;
    this.#dependencies = {
      watchDirectory: (directory) => Deno.watchFs(directory, { recursive: false }),
      readTextFile: (path) => Promise.resolve(path).then(readTextFileNow),
      realDirectory: async (path) => dirname(await Deno.realPath(path)),
      ...dependencies,
    };
    this.#cancelPoll = timers.every(POLL, () => this.#lookSoon());
  }

  /**
   * Watches these files instead of those before.
   *
   * @param files the content of each when it was read, undefined where it could not be; a change since then counts
   */
  async watch(files: ReadonlyMap<string, string | undefined>): Promise<void> {
    const generation = ++this.#generation;
    this.#known = new Map(files);
    this.#changed.clear();
    const directories = new Set<string>();
    for (const path of files.keys()) {
      directories.add(dirname(path));
      await this.#dependencies.realDirectory(path).then((directory) => directories.add(directory), () => {});
    }
    if (generation !== this.#generation) return;
    this.#closeWatches();
    for (const directory of directories) this.#watchDirectory(directory);
    this.#lookSoon();
  }

  /** Stops watching. */
  close(): void {
    this.#generation++;
    this.#cancelPoll();
    this.#cancelLook?.();
    this.#closeWatches();
  }

  #closeWatches(): void {
    for (const watch of this.#watches.splice(0)) watch.close();
  }

  #watchDirectory(directory: string): void {
    try {
      const watch = this.#dependencies.watchDirectory(directory);
      this.#watches.push(watch);
      void this.#follow(watch);
    } catch { /* The poll remains. */ }
  }

  async #follow(watch: DirectoryWatch): Promise<void> {
    try {
      for await (const _ of watch) this.#lookSoon();
    } catch { /* The poll remains. */ }
  }

  #lookSoon(): void {
    this.#cancelLook ??= this.#timers.after(SETTLE, () => {
      this.#cancelLook = undefined;
      void this.#look();
    });
  }

  /** Reports a change once two consecutive reads agree. */
  async #look(): Promise<void> {
    const generation = this.#generation;
    const now = new Map<string, string | undefined>();
    for (const path of this.#known.keys()) {
      now.set(path, await this.#dependencies.readTextFile(path).catch(() => undefined));
    }
    if (generation !== this.#generation) return;
    const changed = [...now].filter(([path, text]) => text !== this.#known.get(path)).map(([path]) => path);
    this.#known = now;
    for (const path of changed) this.#changed.add(path);
    if (changed.length > 0) return this.#lookSoon();
    if (this.#changed.size === 0) return;
    const settled = [...this.#changed];
    this.#changed.clear();
    this.#onChange(settled);
  }
}
