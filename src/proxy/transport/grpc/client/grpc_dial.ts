import { checkServerIdentity, createSecureContext } from "node:tls";
import { isIP } from "node:net";
import { Client, connectivityState, credentials, status } from "@grpc/grpc-js";
import type { Address } from "../../address.ts";
import { formatAddress } from "../../address.ts";
import type { Connection } from "../../connection.ts";
import type { TlsDialOptions } from "../../tls/tls_options.ts";
import { EXPORT } from "../flow/export_service.ts";
import { dialFailure } from "./dial_failure.ts";
import { FlowCollector } from "./flow_collector.ts";
import type { TurnQueue } from "../turn_queue.ts";
import type { FlowRelease } from "../../flow_release.ts";
import { flowElements } from "./record_flows.ts";

/** Milliseconds. Go's gRPC library, which Aggregators use, treats more than one ping in five minutes as an attack. */
const KEEPALIVE_TIME = 330_000;
const KEEPALIVE_TIMEOUT = 20_000;
/**
 * The server name to send to a collector without a name (RFC 6761 §6.4). The certificate is verified for its address.
 */
const NO_NAME = "collector.invalid";
/** Milliseconds before the channel reconnects. The link to the collector dials again long before that. */
const NO_SECOND_ATTEMPT = 3_600_000;

/**
 * Dials a collector over gRPC. The collector is always verified, as over TLS.
 *
 * @param releases the releases whose elements have fields in a flow
 * @throws if the collector cannot be reached or verified, or the signal aborts
 */
export async function dialGrpc(
  address: Address,
  { credentials: { material }, serverName }: TlsDialOptions,
  releases: readonly FlowRelease[],
  queue: TurnQueue,
  signal: AbortSignal,
): Promise<Connection> {
  const { certificate, key, ca } = material;
  const context = createSecureContext({
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  });
  const name = serverName ?? address.hostname;
  const verified = credentials.createFromSecureContext(context, {
    checkServerIdentity: (_name, peer) => checkServerIdentity(name, peer),
  });
  const client = new Client(target(address), verified, {
    // @grpc/grpc-js always sends a server name, which must not be an address (RFC 6066 §3).
    "grpc.ssl_target_name_override": isIP(name) === 0 ? name : NO_NAME,
    "grpc.default_authority": name,
    "grpc.keepalive_time_ms": KEEPALIVE_TIME,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT,
    "grpc.initial_reconnect_backoff_ms": NO_SECOND_ATTEMPT,
    "grpc.max_reconnect_backoff_ms": NO_SECOND_ATTEMPT,
    "grpc.enable_retries": 0,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.use_local_subchannel_pool": 1,
  });
  const ended = Promise.withResolvers<Error | null>();
  const { requestSerialize, responseDeserialize } = EXPORT;
  const call = client.makeClientStreamRequest(EXPORT.path, requestSerialize, responseDeserialize, (error) => {
    ended.resolve(error === null || error.code === status.OK ? null : new Error(dialFailure(error.details)));
  });
  // The callback receives the same error.
  call.on("error", () => {});
  const close = () => {
    call.cancel();
    client.close();
  };
  try {
    await ready(client, ended.promise, signal);
  } catch (error) {
    close();
    throw error;
  }
  return new FlowCollector({
    call,
    ended: ended.promise,
    close,
    remoteAddress: address,
    resolve: flowElements(releases),
    queue,
  });
}

function target(address: Address): string {
  const family = isIP(address.hostname);
  return `${family === 0 ? "dns" : `ipv${family}`}:${formatAddress(address)}`;
}

/** Resolves when the connection is established. @throws if the call fails or the signal aborts before that */
async function ready(client: Client, ended: Promise<Error | null>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  void ended.then((error) => reject(error ?? new Error("it ended the stream at once")));
  const channel = client.getChannel();
  const look = () => {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) resolve();
    else if (state !== connectivityState.SHUTDOWN) channel.watchConnectivityState(state, Infinity, look);
  };
  look();
  try {
    if (signal.aborted) abort();
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
