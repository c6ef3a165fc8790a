import { ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from "@grpc/grpc-js";

/** A request that has arrived. */
export interface IncomingRequest {
  readonly octets: Uint8Array;
  /** Lets the next request of the stream in. */
  taken(): void;
}

/**
 * Lets a request in when the one before has been taken. Without it, @grpc/grpc-js reads 16 requests ahead, of up to 4 MiB each, before
 * flow control stops the exporter.
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
