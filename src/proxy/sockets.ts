import { type Address, formatAddress } from "./transport/address.ts";
import { usesTls } from "../ipfix/message/transport_protocol.ts";
import type { MessageMemory } from "./memory/message_memory.ts";
import type { Clock } from "./time/clock.ts";
import type { Turns } from "./time/turns.ts";
import type { Dial } from "./transport/connection.ts";
import type { Listener } from "./transport/listener.ts";
import type { CollectorOptions } from "./collector/collector_options.ts";
import type { ListenerOptions } from "./transport/listener.ts";
import { TurnQueue } from "./transport/grpc/turn_queue.ts";
import { dialTcp } from "./transport/tcp/tcp_connection.ts";
import { TcpListener } from "./transport/tcp/tcp_listener.ts";
import type { HandshakeFailure } from "./transport/tls/handshake_failure.ts";
import { dialTls } from "./transport/tls/tls_connection.ts";
import { checkTlsListener, TlsListener } from "./transport/tls/tls_listener.ts";
import { udpDialer } from "./transport/udp/udp_connection.ts";
import { UdpListener, type UdpListenerParts } from "./transport/udp/udp_listener.ts";
import { systemReason } from "../error_message.ts";

/** Dependencies of listeners. */
export interface ListenerParts
  extends Pick<UdpListenerParts, "clock" | "pool" | "turns" | "sources" | "recall" | "onRejected" | "onDropped"> {
  /** Bounds what datagrams that wait may take. */
  readonly memory: Pick<MessageMemory, "datagrams">;
  /** How many milliseconds a TLS handshake may take. */
  readonly handshake: () => number;
  /** Called when a listener cannot accept connections. */
  readonly onError: (reason: string) => void;
  /** Called with the reason when a gRPC connection is closed for exceeding its bounds. */
  readonly onOverrun: (reason: string, peer: Address) => void;
  /** Called for each exporter whose TLS handshake failed. */
  readonly onHandshakeFailure: (failure: HandshakeFailure, peer: Address) => void;
}

/** @throws Error that names the address and what the options lack, as far as that can be told without binding it */
export function checkListener({ transport, address, tls }: ListenerOptions): void {
  if (!usesTls(transport)) return;
  try {
    if (tls === undefined) throw new Error("it needs a certificate and a key");
    checkTlsListener(tls);
  } catch (error) {
    throw new Error(`cannot listen on ${transport} ${formatAddress(address)}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

/**
 * Binds a listener of any transport.
 *
 * @throws Error that names the address
 */
export async function bind(options: ListenerOptions, parts: ListenerParts): Promise<Listener> {
  const { clock, pool, memory, turns, sources, recall, handshake, onHandshakeFailure, onRejected, onDropped } = parts;
  const { transport, address, tls, releases = [], templates } = options;
  const onError = (error: unknown) => parts.onError(systemReason(error));
  try {
    switch (transport) {
      case "tcp":
        return new TcpListener(address, { clock, turns }, onError);
      case "tls":
        if (tls === undefined) throw new Error("it needs a certificate and a key");
        return await TlsListener.listen(address, tls, {
          clock,
          turns,
          handshake,
          onFailure: onHandshakeFailure,
          onError,
        });
      case "grpc": {
        if (tls === undefined) throw new Error("it needs a certificate and a key");
        // Loaded only when it is needed: it takes ten times the memory of everything else.
        const { GrpcListener } = await import("./transport/grpc/server/grpc_listener.ts");
        return await GrpcListener.listen(address, tls, {
          clock,
          turns,
          handshake,
          releases,
          onOverrun: parts.onOverrun,
          onFailure: onHandshakeFailure,
          onError,
        });
      }
      case "udp":
        return new UdpListener(address, {
          clock,
          pool,
          queued: memory.datagrams(),
          turns,
          sources,
          ...(recall === undefined ? {} : { recall }),
          onError,
          onRejected,
          onDropped,
        }, templates);
    }
  } catch (error) {
    throw new Error(`cannot listen on ${transport} ${formatAddress(address)}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

/** What sessions to a collector share with all others. */
export interface DialerParts {
  readonly turns: Turns;
  readonly clock: Clock;
}

/** Returns how a session dials its collector. @throws Error when the transport lacks what it needs */
export function dialer({ transport, address, tls, releases = [] }: CollectorOptions, parts: DialerParts): Dial {
  switch (transport) {
    case "tcp":
      return (signal) => dialTcp(address, signal);
    case "tls":
      if (tls === undefined) throw new Error("a collector over tls needs to be verified: no CA is given");
      return (signal) => dialTls(address, tls, signal);
    case "grpc": {
      if (tls === undefined) throw new Error("a collector over grpc needs to be verified: no CA is given");
      const queue = new TurnQueue(parts.turns, parts.clock);
      return async (signal) => {
        const { dialGrpc } = await import("./transport/grpc/client/grpc_dial.ts");
        return await dialGrpc(address, tls, releases, queue, signal);
      };
    }
    case "udp":
      return udpDialer(address);
  }
}
