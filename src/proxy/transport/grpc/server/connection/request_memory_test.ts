import assert from "node:assert/strict";
import { RequestMemory } from "./request_memory.ts";
import { RequestsInHand } from "./requests_in_hand.ts";

const MEBIBYTE = 1024 * 1024;

class Connection {
  readonly inHand = new RequestsInHand();
  resumed = 0;
  #stream = -1;

  constructor(readonly memory: RequestMemory<Connection>) {
    memory.add(this);
  }

  resume(): void {
    this.resumed++;
  }

  /** A request of 4 MiB, by its length, of which this many octets arrive. Returns the connection to close. */
  arrive(octets: number): Connection | undefined {
    const before = this.inHand.octets;
    this.inHand.begin(this.#stream += 2);
    this.inHand.arrive(this.#stream, Uint8Array.of(0, 0, 0x40, 0, 0), 0, 5);
    this.inHand.arrive(this.#stream, new Uint8Array(octets), 0, octets);
    return this.memory.arrive(this, this.inHand.octets - before);
  }

  take(stream: number): void {
    this.memory.settle(this, (inHand) => inHand.taken(stream));
  }
}

Deno.test("a connection is not read while complete requests of more than a few MiB wait, and goes on when they are taken", () => {
  const connection = new Connection(new RequestMemory<Connection>());
  const { memory } = connection;
  assert.equal(connection.arrive(4 * MEBIBYTE - 1), undefined);
  assert.ok(!memory.mustPause(connection), "the rest of a request comes only if it is read");
  assert.equal(connection.arrive(4 * MEBIBYTE), undefined);
  assert.ok(memory.mustPause(connection));
  assert.equal(connection.resumed, 0);
  connection.take(3);
  assert.equal(connection.resumed, 1);
  assert.ok(!memory.mustPause(connection));
});

Deno.test("where many connections have little each, those whose requests wait are not read until there is room again", () => {
  const memory = new RequestMemory<Connection>();
  const others = Array.from({ length: 6 }, () => new Connection(memory));
  for (const each of others) assert.equal(each.arrive(4 * MEBIBYTE - 1), undefined);
  const [waits, quiet] = [new Connection(memory), new Connection(memory)];
  const request = Uint8Array.of(0, 0, 0, 0, 1, 7);
  for (const each of [waits, quiet]) {
    each.inHand.begin(1);
    each.inHand.arrive(1, request, 0, request.length);
    assert.equal(memory.arrive(each, each.inHand.octets), undefined);
  }
  quiet.take(1);
  assert.ok(memory.mustPause(waits));
  assert.ok(!memory.mustPause(quiet), "nothing of it waits");
  for (const each of others.slice(0, 2)) memory.remove(each);
  assert.equal(waits.resumed, 1);
  assert.ok(!memory.mustPause(waits));
});

Deno.test("when memory is short, the connection with most leaves, not the one whose octets came last", () => {
  const memory = new RequestMemory<Connection>();
  const good = new Connection(memory);
  const large = new Connection(memory);
  for (let request = 0; request < 3; request++) assert.equal(large.arrive(4 * MEBIBYTE - 1), undefined);
  const others = Array.from({ length: 8 }, () => new Connection(memory));
  for (const each of others) assert.equal(each.arrive(4 * MEBIBYTE - 1), undefined);
  let leaving: Connection | undefined;
  for (let flow = 0; leaving === undefined && flow < 100_000; flow++) leaving = good.arrive(500);
  assert.equal(leaving?.inHand, large.inHand);
  memory.remove(large);
  assert.equal(large.inHand.octets, 0);
  assert.equal(good.arrive(500), undefined);
  assert.equal(large.arrive(500), undefined, "it is gone");
});

Deno.test("one connection may have up to its own limit, even where all others have nothing", () => {
  const connection = new Connection(new RequestMemory<Connection>());
  for (let request = 0; request < 3; request++) assert.equal(connection.arrive(4 * MEBIBYTE - 1), undefined);
  assert.equal(connection.arrive(4 * MEBIBYTE - 1), connection);
});

Deno.test("a connection whose streams never end, as those of refused calls do not, is closed before they take much", () => {
  const connection = new Connection(new RequestMemory<Connection>());
  let streams = 0;
  const begin = () => {
    const before = connection.inHand.octets;
    connection.inHand.begin(2 * streams++ + 1);
    return connection.memory.arrive(connection, connection.inHand.octets - before);
  };
  while (begin() === undefined) assert.ok(streams < 100_000);
  assert.ok(streams > 10 * 1024, `an exporter may have a thousand at a time, this one had ${streams}`);
});
