import assert from "node:assert/strict";
import { StandingClock } from "../../test/support/time/standing_clock.ts";
import { PATIENCE } from "../../test/support/time/until.ts";
import { FileWatch, type FileWatchDependencies } from "./file_watch.ts";

/** Files in memory, whose status tells of changes or does not. */
class Disk {
  readonly files = new Map<string, string>();
  #status = 0;
  reads = 0;

  constructor(readonly tells: boolean) {}

  readonly dependencies: FileWatchDependencies = {
    statusOf: () => String(this.#status),
    readTextFile: (path) => {
      this.reads++;
      const text = this.files.get(path);
      return text === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(text);
    },
  };

  happen(): void {
    if (this.tells) this.#status++;
  }
}

function watching(tells: boolean) {
  const timers = new StandingClock();
  const disk = new Disk(tells);
  disk.files.set("/etc/proxy.yaml", "old").set("/pki/tls.crt", "cert");
  const told: (readonly string[])[] = [];
  const watch = new FileWatch(timers, (paths) => told.push(paths), disk.dependencies);
  watch.watch(new Map([["/etc/proxy.yaml", "old"], ["/pki/tls.crt", "cert"], ["/etc/absent.csv", undefined]]));
  return { timers, disk, told, watch };
}

Deno.test("a changed file is reported soon and once; one that was only touched is not", async () => {
  const { timers, disk, told, watch } = watching(true);
  disk.happen();
  await timers.advance(1_000, 50);
  assert.deepEqual(told, [], "it was touched, not changed");
  disk.files.set("/etc/proxy.yaml", "new");
  disk.happen();
  await timers.advance(1_000, 50);
  assert.deepEqual(told, [["/etc/proxy.yaml"]]);
  await timers.advance(20_000, 50);
  assert.equal(told.length, 1);
  disk.files.set("/etc/absent.csv", "there now");
  disk.files.delete("/pki/tls.crt");
  disk.happen();
  await timers.advance(1_000, 50);
  assert.deepEqual(told.flat().slice(1).sort(), ["/etc/absent.csv", "/pki/tls.crt"]);
  watch.close();
});

Deno.test("a half-written file is not reported before it is complete", async () => {
  const { timers, disk, told, watch } = watching(true);
  await timers.advance(1_000, 50);
  for (const [half, milliseconds] of [["", 500], ["ne", 200]] as const) {
    disk.files.set("/etc/proxy.yaml", half);
    disk.happen();
    await timers.advance(milliseconds, 50);
  }
  disk.files.set("/etc/proxy.yaml", "new");
  disk.happen();
  assert.deepEqual(told, []);
  await timers.advance(1_000, 50);
  assert.deepEqual(told, [["/etc/proxy.yaml"]]);
  watch.close();
});

Deno.test("where the status does not tell, files are read every few seconds", async () => {
  const { timers, disk, told, watch } = watching(false);
  await timers.advance(1_000, 50);
  disk.files.set("/etc/proxy.yaml", "new");
  await timers.advance(2_000, 50);
  assert.deepEqual(told, []);
  await timers.advance(4_000, 50);
  assert.deepEqual(told, [["/etc/proxy.yaml"]]);
  watch.close();
  const { reads } = disk;
  await timers.advance(20_000, 50);
  assert.equal(disk.reads, reads, "closed: it looks no more");
});

Deno.test("a change between reading and watching is reported", async () => {
  const { timers, disk, told, watch } = watching(true);
  disk.files.set("/etc/other.yaml", "newer");
  watch.watch(new Map([["/etc/other.yaml", "as it was read"]]));
  await timers.advance(1_000, 50);
  assert.deepEqual(told, [["/etc/other.yaml"]]);
  disk.files.set("/etc/proxy.yaml", "no longer watched");
  disk.happen();
  await timers.advance(10_000, 50);
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
    // Nothing is read without a change: it is the status that tells.
    every: (milliseconds: number, callback: () => void) => {
      if (milliseconds > 1_000) return () => {};
      const timer = setInterval(callback, milliseconds / 10);
      return () => clearInterval(timer);
    },
  };
  const watch = new FileWatch(timers, (paths) => change.resolve(paths));
  try {
    watch.watch(new Map([[path, "one"]]));
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
      watch.watch(new Map([[path, await Deno.readTextFile(path)]]));
    }
  } finally {
    watch.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a pipe beside a file, or in its place, is not waited for", async () => {
  const folder = await Deno.makeTempDir();
  const script = `
    import { FileWatch } from "${import.meta.resolve("./file_watch.ts")}";
    const path = "${folder}/proxy.yaml";
    const timers = {
      after: (milliseconds, callback) => clearTimeout.bind(null, setTimeout(callback, milliseconds)),
      every: (milliseconds, callback) => clearInterval.bind(null, setInterval(callback, milliseconds)),
    };
    const pipe = async (path) => void await new Deno.Command("mkfifo", { args: [path] }).output();
    let change = Promise.withResolvers();
    const watch = new FileWatch(timers, () => change.resolve());
    await watch.watch(new Map([[path, "old"]]));
    await pipe("${folder}/pipe");
    await Deno.remove(path);
    await pipe(path);
    await change.promise;
    change = Promise.withResolvers();
    await watch.watch(new Map([[path, undefined]]));
    await Deno.remove(path);
    await Deno.writeTextFile(path, "new");
    await change.promise;
    watch.close();
    console.log("seen");
    Deno.exit(0);
  `;
  await Deno.writeTextFile(`${folder}/proxy.yaml`, "old");
  try {
    // A process of its own: one that waits can only be killed.
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--ext=js", script],
      stdout: "piped",
      stderr: "inherit",
      signal: AbortSignal.timeout(PATIENCE),
    });
    const { stdout, success } = await child.output();
    assert.deepEqual([new TextDecoder().decode(stdout), success], ["seen\n", true]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
