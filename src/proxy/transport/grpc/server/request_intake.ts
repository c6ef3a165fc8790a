import { Metadata, ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from "@grpc/grpc-js";
import { REQUEST_CHARGE } from "./connection/requests_in_hand.ts";

type ServerInterceptingCallInterface = Parameters<ServerInterceptor>[1];

/** A request that has arrived completely. */
export interface IncomingRequest {
  readonly octets: Uint8Array;
  /** Called once these octets have been taken, so that another request of the stream may be read. */
  taken(): void;
}

/** Octets of requests that may wait to be taken. A longer request waits alone. */
const WAITING_OCTETS = 64 * 1024;

/** Learns what becomes of the streams of a connection and of their requests. */
export interface RequestAccount {
  /** Waits for the turn of a stream that begins. */
  turn(peer: string): Promise<void>;
  /** The oldest request of a stream has been taken. */
  taken(peer: string, stream: number): void;
  /** The stream has ended. */
  ended(peer: string, stream: number): void;
}

/** Nothing in the headers of a stream says anything about its flows. */
const NO_METADATA = new Metadata();

/**
 * Begins a stream when it has a turn: a session is more work than the frame that opens it. Delivers a request when
 * there is room for it. Otherwise @grpc/grpc-js would read ahead 16 requests of a stream, of up to 4 MiB each, before
 * flow control stops the exporter.
 */
export function requestIntake(account: RequestAccount): ServerInterceptor {
  return (_method, call) => {
    const [peer, stream] = [call.getPeer(), streamOf(call)];
    let waiting = 0;
    let deliverNext: (() => void) | undefined;
    const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, next) => {
      // They stay with the call: 64 KiB of each of a thousand streams, out of a few octets (HPACK, RFC 7541).
      for (const key of Object.keys(metadata.getMap())) metadata.remove(key);
      void account.turn(peer).then(() => next(NO_METADATA));
    }).withOnReceiveMessage((octets: Uint8Array, next) => {
      const charge = REQUEST_CHARGE + octets.length;
      const taken = () => {
        waiting -= charge;
        account.taken(peer, stream);
        if (waiting > 0) return;
        const deliver = deliverNext;
        deliverNext = undefined;
        deliver?.();
      };
      const deliver = () => {
        waiting += charge;
        next({ octets, taken } satisfies IncomingRequest);
      };
      if (waiting > 0 && waiting + charge > WAITING_OCTETS) deliverNext = deliver;
      else deliver();
    }).withOnCancel(() => account.ended(peer, stream)).build();
    return new ServerInterceptingCall(call, { start: (next) => next(listener) });
  };
}

/**
 * The number of a call's stream in its connection (RFC 9113 §5.1.1). @grpc/grpc-js has it, but no word for it.
 *
 * @throws if it has it no longer, which ends the call
 */
function streamOf(call: ServerInterceptingCallInterface): number {
  const { stream }: { stream?: { id?: unknown } } = Object(call);
  if (typeof stream?.id !== "number") throw new Error("@grpc/grpc-js names no stream");
  return stream.id;
}
