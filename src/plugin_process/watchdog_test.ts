import assert from "node:assert/strict";
import { type Bounds, startWatchdog } from "./watchdog.ts";

const MEBIBYTE = 2 ** 20;

/** The watchdog of a process of which a test says what it uses. */
function watch(bounds: Bounds) {
  const { Worker } = globalThis;
  let source = "";
  let tell: (message: { readonly data: boolean }) => void = () => {};
  class Thread {
    constructor(url: string) {
      source = decodeURIComponent(url.replace("data:text/javascript,", ""));
    }

    postMessage(data: boolean): void {
      tell({ data });
    }
  }
  const used = { seconds: 0, octets: 0, parent: bounds.parent };
  let killed = false;
  let look = () => {};
  let interval = 0;
  try {
    globalThis.Worker = Thread as unknown as typeof Worker;
    const isAsked = startWatchdog(bounds);
    const run = new Function("process", "Deno", "setInterval", "onmessage", `${source}; return onmessage;`);
    tell = run(
      { cpuUsage: () => ({ user: used.seconds * 750_000, system: used.seconds * 250_000 }) },
      {
        pid: 7,
        get ppid() {
          return used.parent;
        },
        memoryUsage: () => ({ rss: used.octets }),
        kill: () => killed = true,
      },
      (callback: () => void, milliseconds: number) => [look, interval] = [callback, milliseconds],
    );
    return {
      used,
      isAsked,
      /** Lets so many seconds pass, in which it works for this part of the time. Returns after how many it was ended. */
      pass(seconds: number, part = 0): number | undefined {
        for (let passed = 0; passed < seconds * 1000; passed += interval) {
          used.seconds += part * interval / 1000;
          look();
          if (killed) return Math.round(passed / 1000);
        }
        return undefined;
      },
    };
  } finally {
    globalThis.Worker = Worker;
  }
}

Deno.test("a plugin's process ends where it takes more memory than it may, or its proxy is gone, and else not", () => {
  const bounds = { memory: 192, parent: 4711 };
  const large = watch(bounds);
  large.used.octets = 192 * MEBIBYTE;
  assert.equal(large.pass(1), undefined);
  large.used.octets++;
  assert.equal(large.pass(1), 0);
  const orphan = watch(bounds);
  assert.equal(orphan.pass(1), undefined);
  orphan.used.parent = 1;
  assert.equal(orphan.pass(1), 0);
});

Deno.test("a plugin's process ends after two seconds' work that it was not asked for, however long it has been idle before", () => {
  for (const idle of [0, 600]) {
    const { pass, isAsked } = watch({ memory: 192, parent: 1 });
    assert.equal(pass(60, 1), undefined, "it is asked something");
    isAsked(false);
    assert.equal(pass(idle), undefined);
    assert.equal(pass(60, 0.1), undefined, "a tenth of the time is its own");
    assert.equal(pass(60, 1), 2);
  }
});
