import assert from "node:assert/strict";
import { Metadata } from "@grpc/grpc-js";
import { EXPORT } from "../flow/export_service.ts";
import { type IncomingRequest, requestIntake } from "./request_intake.ts";

type InterceptedCall = Parameters<ReturnType<typeof requestIntake>>[1];
type RequestListener = Parameters<InterceptedCall["start"]>[0];

const METHOD = { ...EXPORT, requestStream: true, responseStream: false };

/** The intake of one stream, the requests that it has let in, and what its account was told. */
function intake() {
  let listener: RequestListener | undefined;
  const account = { taken: 0, ended: 0 };
  const accountOf = (name: keyof typeof account) => (peer: string, stream: number) => {
    assert.deepEqual([peer, stream], ["peer", 7]);
    account[name]++;
  };
  const call = { start: (own: RequestListener) => void (listener = own), getPeer: () => "peer", stream: { id: 7 } };
  const delivered: IncomingRequest[] = [];
  const { promise, resolve: haveTurn } = Promise.withResolvers<void>();
  const turn = (peer: string) => {
    assert.equal(peer, "peer");
    return promise;
  };
  const begun: Metadata[] = [];
  requestIntake({ turn, taken: accountOf("taken"), ended: accountOf("ended") })(METHOD, Object(call)).start({
    onReceiveMessage: (request: IncomingRequest) => void delivered.push(request),
    onReceiveMetadata: (metadata) => void begun.push(metadata),
    onReceiveHalfClose: () => {},
    onCancel: () => {},
  });
  return {
    arrive: (octets: number) => listener?.onReceiveMessage(new Uint8Array(octets)),
    cancel: () => listener?.onCancel(),
    begin: (metadata: Metadata) => listener?.onReceiveMetadata(metadata),
    haveTurn,
    begun,
    account,
    delivered,
  };
}

Deno.test("requests wait in memory up to 64 KiB, or one that is longer, those without octets too; more come once they are taken", async () => {
  for (const [octets, most] of [[1024, 51], [100_000, 1], [65_536, 1], [0, 256], [1, 255]] as const) {
    const { arrive, begin, haveTurn, delivered, account } = intake();
    begin(new Metadata());
    haveTurn();
    await Promise.resolve();
    for (let sent = 0; sent <= most; sent++) arrive(octets);
    assert.equal(delivered.length, most, `of ${octets} octets`);
    for (const request of delivered.slice()) request.taken();
    assert.equal(delivered.length, most + 1);
    assert.deepEqual(account, { taken: most, ended: 0 });
  }
});

Deno.test("the end of a stream goes to the account, under its number", () => {
  const { cancel, account } = intake();
  cancel();
  assert.deepEqual(account, { taken: 0, ended: 1 });
  assert.throws(() => {
    const call = { start: () => {}, getPeer: () => "peer" };
    requestIntake({ turn: () => Promise.resolve(), taken: () => {}, ended: () => {} })(METHOD, Object(call));
  }, /names no stream/);
});

Deno.test("a stream begins when it has a turn, and keeps nothing of its headers", async () => {
  const { begin, haveTurn, begun } = intake();
  const metadata = new Metadata();
  metadata.set("x-large", "v".repeat(60_000));
  metadata.set("x-other-bin", Buffer.alloc(100));
  begin(metadata);
  await Promise.resolve();
  assert.equal(begun.length, 0);
  haveTurn();
  await Promise.resolve();
  assert.equal(begun.length, 1);
  assert.deepEqual([metadata.getMap(), begun[0]?.getMap()], [{}, {}]);
});
