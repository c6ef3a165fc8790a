import type { ClientWritableStream } from "@grpc/grpc-js";
import type { ResolveElement } from "../../../../ipfix/record/template_record.ts";
import type { Counters } from "../../../../mediation/templates/counters.ts";
import type { TurnQueue } from "../turn_queue.ts";
import type { Address } from "../../address.ts";
import type { Connection } from "../../connection.ts";
import { FlowLedger } from "../flow/flow_ledger.ts";
import { RecordFlows } from "./record_flows.ts";

/** Octets of the prefix of a request: a flag and the length. */
const REQUEST_PREFIX = 5;

/** A stream of flows to a collector. */
export interface FlowCollectorParts {
  readonly call: ClientWritableStream<Uint8Array>;
  /** Resolves when the collector has ended the call, with the error if there was one. */
  readonly ended: Promise<Error | null>;
  readonly close: () => void;
  readonly remoteAddress: Address;
  readonly resolve: ResolveElement;
  /** Of all streams to the collector. */
  readonly queue: TurnQueue;
}

/** A collector over gRPC. Each write takes whole messages, whose records become the flows of requests. */
export class FlowCollector implements Connection {
  readonly transport = "grpc";
  readonly remoteAddress: Address;
  wireOctets = 0;
  readonly #call: ClientWritableStream<Uint8Array>;
  readonly #ended: Promise<Error | null>;
  readonly #close: () => void;
  readonly #ledger = new FlowLedger();
  readonly #flows: RecordFlows;
  readonly #queue: TurnQueue;
  /** Ends the wait for the request that is being sent. */
  #giveUp = () => {};
  /** Why the connection has failed. */
  #failure: Error | undefined;

  constructor({ call, ended, close, remoteAddress, resolve, queue }: FlowCollectorParts) {
    this.#queue = queue;
    this.#call = call;
    this.#ended = ended;
    this.#close = close;
    this.remoteAddress = remoteAddress;
    this.#flows = new RecordFlows(resolve, this.#ledger);
    void ended.then((error) => {
      this.#failure ??= error ?? new Error("it has ended the stream");
      this.#giveUp();
    });
  }

  count(counters: Counters): void {
    this.#ledger.begin(counters);
  }

  /** Waits for the end of the call: a collector sends nothing else. */
  async read(): Promise<null> {
    const error = await this.#ended;
    if (error !== null) throw error;
    return null;
  }

  /** It is not known how much of a failed request arrived. It counts as written, since nothing may be sent twice. */
  async write(messages: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    const requests = this.#flows.requests(messages);
    for (;;) {
      // Before a request, since many sessions may have been woken up in this turn.
      if (this.#queue.over) await this.#queue.next(this);
      const { done, value: request } = requests.next();
      if (done === true || this.#isFailed) break;
      this.wireOctets += REQUEST_PREFIX + request.length;
      await this.#send(request);
      if (this.#isFailed) break;
    }
    return messages.length;
  }

  get #isFailed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Resolves once the request is taken, or the call has ended: whatever waits for a promise that lives so long stays
   * with it.
   */
  #send(request: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#giveUp = resolve;
      this.#call.write(request, () => resolve());
    });
  }

  async closeWrite(): Promise<void> {
    this.#call.end();
    await this.#ended;
  }

  close(): void {
    this.#failure ??= new Error("the connection is closed");
    this.#close();
  }
}
