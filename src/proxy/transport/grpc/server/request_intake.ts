import { ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from "@grpc/grpc-js";

/** A request that has arrived completely. */
export interface IncomingRequest {
  readonly octets: Uint8Array;
  /** Says that these octets have been taken, so that another request of the stream may be read. */
  taken(octets: number): void;
}

/** Octets of requests that may wait to be taken. A longer request waits alone. */
const WAITING_OCTETS = 64 * 1024;

/**
 * Delivers a request when there is room for it. Otherwise @grpc/grpc-js would read ahead 16 requests of a stream, of up to 4 MiB each,
 * before flow control stops the exporter.
 */
export const requestIntake: ServerInterceptor = (_method, call) => {
  let waiting = 0;
  let deliverNext: (() => void) | undefined;
  const listener = new ServerListenerBuilder().withOnReceiveMessage((octets: Uint8Array, next) => {
    const deliver = () => {
      waiting += octets.length;
      next({ octets, taken } satisfies IncomingRequest);
    };
    if (waiting > 0 && waiting + octets.length > WAITING_OCTETS) deliverNext = deliver;
    else deliver();
  }).build();
  const taken = (octets: number) => {
    waiting -= octets;
    if (waiting > 0) return;
    const deliver = deliverNext;
    deliverNext = undefined;
    deliver?.();
  };
  return new ServerInterceptingCall(call, { start: (next) => next(listener) });
};
