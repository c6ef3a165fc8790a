import { ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from "@grpc/grpc-js";

/** A request that has arrived completely. */
export interface IncomingRequest {
  readonly octets: Uint8Array;
  /** Allows the next request of the stream to be read. */
  taken(): void;
}

/**
 * Delivers a request when the previous one has been taken. Otherwise @grpc/grpc-js would read ahead 16 requests of a stream, of up to 4 MiB
 * each, before flow control stops the exporter.
 */
export const requestIntake: ServerInterceptor = (_method, call) => {
  let isWaiting = false;
  let deliverNext: (() => void) | undefined;
  const listener = new ServerListenerBuilder().withOnReceiveMessage((octets: Uint8Array, next) => {
    const deliver = () => {
      isWaiting = true;
      next({ octets, taken } satisfies IncomingRequest);
    };
    if (isWaiting) deliverNext = deliver;
    else deliver();
  }).build();
  const taken = () => {
    isWaiting = false;
    const deliver = deliverNext;
    deliverNext = undefined;
    deliver?.();
  };
  return new ServerInterceptingCall(call, { start: (next) => next(listener) });
};
