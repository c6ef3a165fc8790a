import type { IncomingMessage, ServerResponse } from "node:http";
import { errorMessage } from "../../error_message.ts";

/**
 * Headers of a request. Clients in use send a dozen or two; each costs as much again as there were before it, so that
 * 1,900, which fit into the 16 KiB that node:http takes, would cost 0.1 s.
 */
const MOST_HEADERS = 100;

/** Answers a request. */
export type Answer = (request: Request) => Response | Promise<Response>;

/** How long to wait for clients. */
export interface AnswerOptions {
  /** Milliseconds without taking anything after which a client's connection is closed. */
  readonly patience: number;
}

/**
 * Answers one request of node:http by a function on the web's own requests and responses. A client that is gone, or
 * takes nothing for too long, cancels the body. Never throws.
 */
export async function answerWith(
  answer: Answer,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { patience }: AnswerOptions,
): Promise<void> {
  let octets: Octets | undefined;
  try {
    if (incoming.rawHeaders.length > 2 * MOST_HEADERS) {
      return void outgoing.writeHead(431, { Connection: "close" }).end();
    }
    const request = requestOf(incoming);
    if (request === undefined) return void outgoing.writeHead(400).end();
    const { status, headers, body } = await answer(request);
    // A body that nobody asked for is not waited for.
    if (!incoming.complete) outgoing.setHeader("Connection", "close");
    octets = new Octets(body);
    const length = await octets.length();
    outgoing.writeHead(status, {
      ...Object.fromEntries(headers),
      ...(length === undefined ? {} : { "Content-Length": length }),
    });
    // An answer to HEAD has no body (RFC 9110 §9.3.2), and the one made for it may be a stream without end.
    if (incoming.method !== "HEAD") await send(octets, outgoing, patience);
    outgoing.end();
    await untilTaken(outgoing, "finish", patience);
  } catch (error) {
    outgoing.destroy(new Error(errorMessage(error)));
  } finally {
    octets?.cancel();
  }
}

/** Undefined where the target is no path on this server, such as `*`. */
function requestOf(incoming: IncomingMessage): Request | undefined {
  const { method = "GET", url = "/", headers: { host = "localhost" } } = incoming;
  const base = `http://${host}`;
  const target = URL.parse(url, base);
  if (target === null || !URL.canParse(base)) return undefined;
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? "", incoming.rawHeaders[at + 1] ?? "");
  }
  // HEAD is answered as GET: Hono's own HEAD drops the body unread, which then holds its client's place for good.
  if (method === "GET" || method === "HEAD") return new Request(target, { headers });
  return new Request(target, { method, headers, body: bodyOf(incoming) });
}

/** Read as it is asked for, so that nothing of a body that is too long waits in memory. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const octets = incoming[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await octets.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
  }, { highWaterMark: 0 });
}

/** A body, read piece by piece. */
class Octets {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Reads that have begun, of which the body has the pieces next. */
  readonly #begun: Promise<Uint8Array | undefined>[] = [];

  constructor(body: ReadableStream<Uint8Array> | null) {
    this.#reader = body?.getReader();
  }

  /** The length, where the body is there in one piece; undefined where it comes as it is made. */
  async length(): Promise<number | undefined> {
    const [piece, end] = [this.#read(), this.#read()];
    this.#begun.push(piece, end);
    const later = new Promise<void>((resolve) => void setTimeout(() => resolve(), 0));
    const isWhole = await Promise.race([
      Promise.all([piece, end]).then(([first, second]) => first === undefined || second === undefined),
      later,
    ]);
    return isWhole === true ? (await piece)?.length ?? 0 : undefined;
  }

  /** The next piece; undefined at the end. */
  next(): Promise<Uint8Array | undefined> {
    return this.#begun.shift() ?? this.#read();
  }

  cancel(): void {
    this.#reader?.cancel().catch(() => {});
  }

  async #read(): Promise<Uint8Array | undefined> {
    return (await this.#reader?.read())?.value;
  }
}

/** Sends a body, one piece after the other. */
async function send(octets: Octets, outgoing: ServerResponse, patience: number): Promise<void> {
  const cancel = () => octets.cancel();
  outgoing.once("close", cancel);
  outgoing.flushHeaders();
  try {
    for (let piece = await octets.next(); piece !== undefined; piece = await octets.next()) {
      if (outgoing.destroyed) return;
      if (!outgoing.write(piece)) await untilTaken(outgoing, "drain", patience);
    }
  } finally {
    outgoing.off("close", cancel);
  }
}

/** Waits until the client has taken what is on its way, or is gone. @throws if it takes nothing for too long */
function untilTaken(outgoing: ServerResponse, event: "drain" | "finish", patience: number): Promise<void> {
  if (outgoing.destroyed || (event === "finish" && outgoing.writableFinished)) return Promise.resolve();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error("the client took nothing for too long")), patience);
  outgoing.once(event, resolve).once("close", resolve);
  return promise.finally(() => {
    clearTimeout(timer);
    outgoing.off(event, resolve).off("close", resolve);
  });
}
