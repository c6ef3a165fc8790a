import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { FakeApiServer } from "../../../test/support/kubernetes/kubernetes_api.ts";
import { KubernetesModel } from "../../../test/support/kubernetes/kubernetes_model.ts";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { hastyClock } from "../../../test/support/time/hasty_clock.ts";
import { until } from "../../../test/support/time/until.ts";
import { KubernetesClient } from "./client.ts";
import { follow, type Following } from "./follow.ts";
import { type ConfigMap, configMap } from "./objects.ts";
import { CONFIG_MAPS, type ResourceTarget } from "./resource.ts";

const FOLDER = "/api/v1/namespaces/flow-aggregator/configmaps";
const ONE: ResourceTarget = { type: CONFIG_MAPS, namespace: "flow-aggregator", name: "ca" };
const ALL: ResourceTarget = { type: CONFIG_MAPS, namespace: "flow-aggregator", labelSelector: "app=x" };
const LABELS = { labels: { app: "x" } };

const FAST = hastyClock(1 / 50);

/** Milliseconds after which a watch is not one that ended as soon as it began, before whose renewal there is a wait. */
const LASTING = 300;

class Followed implements AsyncDisposable {
  readonly states: string[] = [];
  readonly failures: string[] = [];
  reads = 0;
  readonly polling: string[] = [];
  /** How often it was said that watching is allowed. */
  opened = 0;
  readonly #ending = new AbortController();
  readonly #client: KubernetesClient;
  readonly following: Following;

  constructor(readonly server: FakeApiServer, target: ResourceTarget) {
    this.#client = new KubernetesClient({ access: server.access(), clock: FAST });
    this.following = follow(configMap, target, {
      onObjects: (objects: readonly ConfigMap[]) =>
        this.states.push(objects.map(({ metadata, data }) => `${metadata.name}=${data?.value}`).sort().join(" ")),
      onRead: () => this.reads++,
      onFailure: (error) => this.failures.push(String(error)),
      onPolling: (error) => error === undefined ? this.opened++ : this.polling.push(error.message),
    }, { client: this.#client, clock: FAST, signal: this.#ending.signal });
  }

  static async start(target: ResourceTarget, prepare: (server: FakeApiServer) => void = () => {}) {
    const server = await FakeApiServer.start();
    prepare(server);
    const followed = new Followed(server, target);
    return followed;
  }

  put(name: string, value: string | undefined): void {
    this.server.put(`${FOLDER}/${name}`, value === undefined ? undefined : { metadata: LABELS, data: { value } });
  }

  until(isSo: () => boolean): Promise<void> {
    return until(() => `${isSo}; states ${this.states.join(" | ")}; ${this.failures}`, isSo);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.following.ended;
    this.#client[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

Deno.test("one object is followed from before it exists until after it is deleted", async () => {
  await using followed = await Followed.start(ONE);
  await followed.until(() => followed.server.watches === 1);
  followed.put("other", "0");
  followed.put("ca", "1");
  followed.put("ca", "2");
  followed.put("ca", undefined);
  await followed.until(() => followed.states.length === 4);
  assert.deepEqual(followed.states, ["", "ca=1", "ca=2", ""]);
  assert.deepEqual(followed.server.calls.map(({ verb }) => verb), ["list", "watch"]);
});

Deno.test("objects with labels are listed and watched from there", async () => {
  await using followed = await Followed.start(ALL, (server) => {
    server.put(`${FOLDER}/a`, { metadata: LABELS, data: { value: "1" } });
    server.put(`${FOLDER}/other`, { data: { value: "0" } });
  });
  await followed.until(() => followed.server.watches === 1);
  followed.put("b", "2");
  followed.put("a", undefined);
  await followed.until(() => followed.states.length === 3);
  assert.deepEqual(followed.states, ["a=1", "a=1 b=2", "b=2"]);
});

Deno.test("a watch that the server ends goes on from the last bookmark", async () => {
  await using followed = await Followed.start(ALL);
  await followed.until(() => followed.server.watches === 1);
  await pause(LASTING);
  followed.server.put(`${FOLDER}/other`, { data: {} });
  followed.server.forget();
  followed.server.bookmark();
  followed.server.endWatches();
  followed.put("a", "1");
  await followed.until(() => followed.states.includes("a=1"));
  assert.deepEqual(
    followed.server.calls.map(({ verb }) => verb),
    ["list", "watch", "watch"],
    "without the bookmark: 410",
  );
});

Deno.test("410 Gone: everything is listed again, and nothing in between is missed", async () => {
  await using followed = await Followed.start(ALL);
  await followed.until(() => followed.server.watches === 1);
  await pause(LASTING);
  followed.server.endWatches();
  followed.put("a", "1");
  followed.put("b", "2");
  followed.put("a", undefined);
  followed.server.forget();
  await followed.until(() => followed.states.includes("b=2"));
  assert.deepEqual(followed.failures, [], "that is no failure");
});

Deno.test("a broken watch is reported, and renewed with the changes in between", async () => {
  await using followed = await Followed.start(ONE);
  await followed.until(() => followed.server.watches === 1);
  followed.server.breakWatches();
  followed.put("ca", "1");
  await followed.until(() => followed.states.includes("ca=1") && followed.server.watches === 1);
  assert.deepEqual([followed.failures.length, followed.reads], [1, 2], "what failed does not any more");
  assert.match(
    followed.failures[0] ?? "",
    /watch ConfigMap flow-aggregator\/ca: .*a line of the watch is not an event/,
  );
});

for (const denied of ["list", "watch"]) {
  Deno.test(`without the right to ${denied}, the object is read every second, and the missing rule is named once`, async () => {
    await using followed = await Followed.start(ONE, (server) => server.denies = ({ verb }) => verb === denied);
    followed.put("ca", "1");
    await followed.until(() => followed.states.includes("ca=1"));
    followed.put("ca", "2");
    await followed.until(() => followed.states.includes("ca=2"));
    assert.equal(followed.polling.length, 1);
    assert.match(
      followed.polling[0] ?? "",
      /missing RBAC rule: verb "(list|watch)" on resource "configmaps", name "ca"/,
    );
    assert.equal(followed.server.calls.filter(({ verb }) => verb === denied).length, 1);
    assert.equal(followed.opened, 0);
    followed.server.denies = () => false;
    await followed.until(() => followed.opened === 1);
  });
}

Deno.test("a missing right to read is reported with backoff, until the rule exists", async () => {
  await using followed = await Followed.start(ONE, (server) => server.denies = () => true);
  await followed.until(() => followed.failures.length === 3);
  followed.server.denies = () => false;
  followed.put("ca", "1");
  await followed.until(() => followed.states.includes("ca=1"));
  assert.match(followed.failures[0] ?? "", /missing RBAC rule: verb "get" on resource "configmaps", name "ca"/);
});

Deno.test("what is reported after readAgain was read after it, and is reported even if nothing has changed", async () => {
  const model = new KubernetesModel();
  const ending = new AbortController();
  const states: (string | undefined)[] = [];
  const failures: unknown[] = [];
  const target = { ...ONE, name: "ca" };
  model.put(target, { data: { value: "1" } });
  const { ended, readAgain } = follow(configMap, target, {
    onObjects: ([object]) => states.push(object?.data?.value),
    onRead: () => {},
    onFailure: (error) => failures.push(error),
  }, { client: model.calls, clock: new StandingClock(), signal: ending.signal });
  const [first] = model.requests;
  first?.serve();
  model.put(target, { data: { value: "2" } });
  readAgain();
  first?.answer();
  await turn();
  assert.deepEqual(states, [], "what was asked before does not count");
  const answer = async () => {
    const [request] = model.requests;
    request?.answer();
    await turn();
  };
  await answer();
  assert.deepEqual(states, ["2"]);
  await answer();
  const [watch] = model.watches;
  model.put(target, { data: { value: "3" } });
  readAgain();
  watch?.deliver();
  await turn();
  assert.deepEqual(states, ["2"]);
  await answer();
  assert.deepEqual(states, ["2", "3"]);
  await answer();
  readAgain();
  await turn();
  await answer();
  assert.deepEqual(states, ["2", "3", "3"]);
  assert.deepEqual(failures, []);
  ending.abort();
  await ended;
});
