import { dirname } from "node:path";

/** Calls back after so many milliseconds, or every so many; what comes back cancels it. The proxy's clock is one. */
export interface Timers {
  after(milliseconds: number, callback: () => void): () => void;
  every(milliseconds: number, callback: () => void): () => void;
}

/** Tells that something happened in a directory, whatever it was. */
export interface DirectoryWatch extends AsyncIterable<unknown> {
  close(): void;
}

/** What watching needs of the world; without them, the disk. */
export interface FileWatchDependencies {
  /** @throws where the system cannot watch this directory */
  readonly watchDirectory?: (directory: string) => DirectoryWatch;
  /** @throws where the file cannot be read */
  readonly readTextFile?: (path: string) => Promise<string>;
  /** The directory that a path really leads to. @throws where it leads nowhere */
  readonly realDirectory?: (path: string) => Promise<string>;
}

/** After something happened, files are left to settle for so long: an editor empties a file before it writes it. */
const SETTLE = 150;
/** Looked at all the same, where nothing tells: not every file system does. */
const POLL = 5_000;

/**
 * Watches files for changes of what is in them. It is directories that are watched, since Kubernetes swaps a symlink beside the file
 * (`..data`) and editors rename another file over it, and contents that are compared, since most of what happens in a directory
 * changes none of them. Where directories cannot be watched, the files are looked at every few seconds.
 */
export class FileWatch {
  readonly #timers: Timers;
  readonly #onChange: (paths: readonly string[]) => void;
  readonly #dependencies: Required<FileWatchDependencies>;
  /** What each file held when it was last looked at; undefined: it could not be read. */
  #known = new Map<string, string | undefined>();
  #watches: DirectoryWatch[] = [];
  #cancelPoll: () => void;
  #cancelLook: (() => void) | undefined;
  #changed = new Set<string>();
  /** Counts what is watched: a look that began before the last change of that has nothing to say. */
  #generation = 0;

  /** @param onChange is told which files hold something else than before; not again until they have changed again */
  constructor(
    timers: Timers,
    onChange: (paths: readonly string[]) => void,
    dependencies: FileWatchDependencies = {},
  ) {
    this.#timers = timers;
    this.#onChange = onChange;
    this.#dependencies = {
      watchDirectory: (directory) => Deno.watchFs(directory, { recursive: false }),
      readTextFile: (path) => Deno.readTextFile(path),
      realDirectory: async (path) => dirname(await Deno.realPath(path)),
      ...dependencies,
    };
    this.#cancelPoll = timers.every(POLL, () => this.#lookSoon());
  }

  /**
   * Watches these files instead of those before.
   *
   * @param files what each held when it was read, undefined where it could not be: a change since then is one
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

  /** Watches nothing any more. */
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
    } catch { /* There is the poll. */ }
  }

  async #follow(watch: DirectoryWatch): Promise<void> {
    try {
      for await (const _ of watch) this.#lookSoon();
    } catch { /* There is the poll. */ }
  }

  #lookSoon(): void {
    this.#cancelLook ??= this.#timers.after(SETTLE, () => {
      this.#cancelLook = undefined;
      void this.#look();
    });
  }

  /** A change is told once two looks agree on what is there now. */
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
