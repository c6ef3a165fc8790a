import { readTextFileNow } from "../text_file.ts";

/** Timers in milliseconds; each call returns a function that cancels it. The proxy's clock implements this. */
export interface Timers {
  after(milliseconds: number, callback: () => void): () => void;
  every(milliseconds: number, callback: () => void): () => void;
}

/** The file system, so that tests can replace it. */
export interface FileWatchDependencies {
  /** What changes whenever the file does, or another takes its place; undefined where there is none. */
  readonly statusOf?: (path: string) => string | undefined;
  /** @throws where the file cannot be read */
  readonly readTextFile?: (path: string) => Promise<string>;
}

/** How often the files' status is looked at, in milliseconds. */
const GLANCE = 500;
/** How long files may settle after a change, in milliseconds: an editor empties a file before it writes it. */
const SETTLE = 150;
/** How often files are read although their status is the same, in milliseconds: not every file system keeps it well. */
const POLL = 5_000;

/**
 * Watches files for changed content. It looks at their status (file, size, times) twice a second, past symlinks, because
 * Kubernetes swaps one beside the file (`..data`), and reads them where that differs. `Deno.watchFs` would be quicker,
 * but opens every file in their directories that somebody touches, and waits for ever at a pipe among them.
 */
export class FileWatch {
  readonly #timers: Timers;
  readonly #onChange: (paths: readonly string[]) => void;
  readonly #dependencies: Required<FileWatchDependencies>;
  /** The content of each file when it was last read; undefined: it could not be read. */
  #known = new Map<string, string | undefined>();
  #status = new Map<string, string | undefined>();
  readonly #cancelPolls: readonly (() => void)[];
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
      statusOf,
      readTextFile: (path) => Promise.resolve(path).then(readTextFileNow),
      ...dependencies,
    };
    this.#cancelPolls = [timers.every(GLANCE, () => this.#glance()), timers.every(POLL, () => this.#lookSoon())];
  }

  /**
   * Watches these files instead of those before.
   *
   * @param files the content of each when it was read, undefined where it could not be; a change since then counts
   */
  watch(files: ReadonlyMap<string, string | undefined>): void {
    this.#generation++;
    this.#known = new Map(files);
    this.#changed.clear();
    this.#status.clear();
    this.#lookSoon();
  }

  /** Stops watching. */
  close(): void {
    this.#generation++;
    for (const cancel of this.#cancelPolls) cancel();
    this.#cancelLook?.();
  }

  #glance(): void {
    for (const path of this.#known.keys()) {
      const status = this.#dependencies.statusOf(path);
      if (status !== this.#status.get(path)) this.#lookSoon();
      this.#status.set(path, status);
    }
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

function statusOf(path: string): string | undefined {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
  } catch {
    return undefined;
  }
}
