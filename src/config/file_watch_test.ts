import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type DirectoryWatch, FileWatch, type FileWatchDependencies } from "./file_watch.ts";

/** Time that stands until a test moves it. */
class StandingTimers {
  #now = 0;
  #timers: { due: number; every: number; callback: () => void }[] = [];

  after(milliseconds: number, callback: () => void) {
    return this.#add({ due: this.#now + milliseconds, every: 0, callback });
  }

  every(milliseconds: number, callback: () => void) {
    return this.#add({ due: this.#now + milliseconds, every: milliseconds, callback });
  }

  async advance(milliseconds: number): Promise<void> {
    for (const end = this.#now + milliseconds; this.#now < end;) {
      this.#now += 50;
      for (const timer of this.#timers.filter(({ due }) => due <= this.#now)) {
        if (timer.every > 0) timer.due += timer.every;
        else this.#timers = this.#timers.filter((one) => one !== timer);
        timer.callback();
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  #add(timer: { due: number; every: number; callback: () => void }) {
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer));
  }
}

/** Directories of files in memory, which tell of changes or do not. */
class Disk {
  readonly files = new Map<string, string>();
  readonly watched: string[] = [];
  readonly #wake = new Set<() => void>();
  reads = 0;

  constructor(readonly tells: boolean) {}

  readonly dependencies: FileWatchDependencies = {
    watchDirectory: (directory) => this.#watch(directory),
    readTextFile: (path) => {
      this.reads++;
      const text = this.files.get(path);
      return text === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(text);
    },
    realDirectory: (path) => Promise.resolve(dirname(path)),
  };

  happen(): void {
    for (const wake of this.#wake) wake();
  }

  #watch(directory: string): DirectoryWatch {
    if (!this.tells) throw new Error("no space left on device (os error 28)");
    this.watched.push(directory);
    let closed = false;
    let wake = () => {};
    const close = () => {
      closed = true;
      wake();
    };
    this.#wake.add(() => wake());
    return {
      close,
      async *[Symbol.asyncIterator]() {
        while (!closed) {
          await new Promise<void>((resolve) => wake = resolve);
          if (!closed) yield undefined;
        }
      },
    };
  }
}

async function watching(tells: boolean) {
  const timers = new StandingTimers();
  const disk = new Disk(tells);
  disk.files.set("/etc/proxy.yaml", "old").set("/pki/tls.crt", "cert");
  const told: (readonly string[])[] = [];
  const watch = new FileWatch(timers, (paths) => told.push(paths), disk.dependencies);
  await watch.watch(new Map([["/etc/proxy.yaml", "old"], ["/pki/tls.crt", "cert"], ["/etc/absent.csv", undefined]]));
  return { timers, disk, told, watch };
}

Deno.test("a changed file is reported soon and once; changes next to it are not", async () => {
  const { timers, disk, told, watch } = await watching(true);
  assert.deepEqual(disk.watched, ["/etc", "/pki"]);
  disk.happen();
  await timers.advance(1_000);
  assert.deepEqual(told, [], "something happened in the directory, not to the file");
  disk.files.set("/etc/proxy.yaml", "new");
  disk.happen();
  await timers.advance(400);
  assert.deepEqual(told, [["/etc/proxy.yaml"]]);
  await timers.advance(20_000);
  assert.equal(told.length, 1);
  disk.files.set("/etc/absent.csv", "there now");
  disk.files.delete("/pki/tls.crt");
  disk.happen();
  await timers.advance(400);
  assert.deepEqual(told.flat().slice(1).sort(), ["/etc/absent.csv", "/pki/tls.crt"]);
  watch.close();
});

Deno.test("a half-written file is not reported before it is complete", async () => {
  const { timers, disk, told, watch } = await watching(true);
  for (const half of ["", "ne"]) {
    disk.files.set("/etc/proxy.yaml", half);
    disk.happen();
    await timers.advance(200);
  }
  disk.files.set("/etc/proxy.yaml", "new");
  disk.happen();
  assert.deepEqual(told, []);
  await timers.advance(500);
  assert.deepEqual(told, [["/etc/proxy.yaml"]]);
  watch.close();
});

Deno.test("where nothing can be watched, files are looked at every few seconds", async () => {
  const { timers, disk, told, watch } = await watching(false);
  await timers.advance(1_000);
  disk.files.set("/etc/proxy.yaml", "new");
  await timers.advance(2_000);
  assert.deepEqual(told, []);
  await timers.advance(4_000);
  assert.deepEqual(told, [["/etc/proxy.yaml"]]);
  watch.close();
  const { reads } = disk;
  await timers.advance(20_000);
  assert.equal(disk.reads, reads, "closed: it looks no more");
});

Deno.test("a change between reading and watching is reported", async () => {
  const { timers, disk, told, watch } = await watching(true);
  disk.files.set("/etc/other.yaml", "newer");
  await watch.watch(new Map([["/etc/other.yaml", "as it was read"]]));
  await timers.advance(1_000);
  assert.deepEqual(told, [["/etc/other.yaml"]]);
  disk.files.set("/etc/proxy.yaml", "no longer watched");
  disk.happen();
  await timers.advance(10_000);
  assert.equal(told.length, 1);
  watch.close();
});

Deno.test("on a real disk: written anew, renamed over, and swapped as Kubernetes does it", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/mount/proxy.yaml`;
  let version = 0;
  const swap = async (text: string) => {
    const data = `${folder}/mount/..${version++}`;
    await Deno.mkdir(data, { recursive: true });
    await Deno.writeTextFile(`${data}/proxy.yaml`, text);
    await Deno.symlink(data, `${folder}/mount/..data_tmp`);
    await Deno.rename(`${folder}/mount/..data_tmp`, `${folder}/mount/..data`);
  };
  await swap("one");
  await Deno.symlink("..data/proxy.yaml", path);
  let change = Promise.withResolvers<readonly string[]>();
  const timers = {
    after: (milliseconds: number, callback: () => void) => {
      const timer = setTimeout(callback, milliseconds / 10);
      return () => clearTimeout(timer);
    },
    // No poll: it is the directory that tells.
    every: () => () => {},
  };
  const watch = new FileWatch(timers, (paths) => change.resolve(paths));
  try {
    await watch.watch(new Map([[path, "one"]]));
    const changes = [
      () => swap("two"),
      () => Deno.writeTextFile(`${folder}/mount/..data/proxy.yaml`, "three"),
      async () => {
        await Deno.writeTextFile(`${folder}/mount/new`, "four");
        await Deno.rename(`${folder}/mount/new`, path);
      },
    ];
    for (const make of changes) {
      change = Promise.withResolvers();
      await make();
      assert.deepEqual(await change.promise, [path]);
      await watch.watch(new Map([[path, await Deno.readTextFile(path)]]));
    }
  } finally {
    watch.close();
    await Deno.remove(folder, { recursive: true });
  }
});
