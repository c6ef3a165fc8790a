/**
 * An exporter in a process of its own that sends as fast as it can what costs a proxy most. The command line holds
 * {@link HostileOptions} as JSON; it says `sending` once all that has to come first is sent, and sends until it is
 * killed.
 */
import { join, message, number, set } from "../../support/messages/wire.ts";
import { endWithParent } from "../../support/processes/end_with_parent.ts";
import { HOSTILE_DOMAIN } from "./flow_record.ts";

/** What costs a proxy so much. */
export const HOSTILITIES = [
  "announces and withdraws",
  "redefinitions",
  "new layouts",
  "huge templates",
  "broken after its templates",
  "data before its template",
  "withdraws 30,000 templates",
  "redefinitions over udp",
] as const;

export type Hostility = (typeof HOSTILITIES)[number];

export interface HostileOptions {
  readonly port: number;
  readonly hostility: Hostility;
  /** How many sessions do the same at once; default: 1. */
  readonly sessions?: number;
}

/** What a message may hold beside its header and that of one set. */
const ROOM = 65_000;
/** Templates that stand while others come and go. */
const STANDING = 250;

/**
 * A template record of so many times the element by which the collector's template is chosen, then a few of any others.
 */
function template(id: number, fields: number, others: readonly number[] = []): Uint8Array {
  const specifiers = [...Array(fields).fill(8), ...others].map((element) => join(number(element, 2), number(4, 2)));
  return join(number(id, 2), number(specifiers.length, 2), ...specifiers);
}

function templates(...records: readonly Uint8Array[]): Uint8Array {
  return message({ observationDomain: HOSTILE_DOMAIN }, set(2, join(...records)));
}

/** One message full of these records, over and over. */
function filled(...records: readonly Uint8Array[]): Uint8Array {
  const round = join(...records);
  return templates(...Array<Uint8Array>(Math.floor(ROOM / round.length)).fill(round));
}

function standing(count: number): Uint8Array {
  const records = Array.from({ length: count }, (_, index) => template(300 + index, 1));
  return join(
    ...Array.from({ length: count / 250 }, (_, index) => templates(...records.slice(index * 250, (index + 1) * 250))),
  );
}

const WITHDRAWAL = number(256 * 0x10000, 4);
const PAIRS = () => filled(template(256, 1), WITHDRAWAL);
const REDEFINITIONS = () => filled(template(256, 1), template(256, 2));

/** What comes first, and what comes then without end. */
function messages(hostility: Hostility): { first: Uint8Array; then: (round: number) => Uint8Array } {
  const first = standing(STANDING);
  switch (hostility) {
    case "announces and withdraws":
      return { first, then: PAIRS };
    case "redefinitions":
      return { first, then: REDEFINITIONS };
    case "new layouts":
      return {
        first,
        then: (round) =>
          templates(...Array.from({ length: 1_000 }, (_, index) => {
            const unlike = round * 1_000 + index;
            return template(256, 1, [
              unlike % 433,
              Math.floor(unlike / 433) % 433,
              Math.floor(unlike / 433 ** 2) % 433,
            ]);
          })),
      };
    case "huge templates":
      return { first, then: (round) => templates(template(256, 16_000 + round % 2)) };
    case "broken after its templates": {
      // Over TCP that ends the session, so each message comes over a connection of its own.
      const broken = join(PAIRS().subarray(16), number(256, 2), number(3, 2));
      return { first: new Uint8Array(0), then: () => message({ observationDomain: HOSTILE_DOMAIN }, broken) };
    }
    case "data before its template": {
      const one = message({ observationDomain: HOSTILE_DOMAIN }, set(999, new Uint8Array(1_400)));
      const all = join(...Array<Uint8Array>(180).fill(one));
      return { first, then: () => all };
    }
    case "withdraws 30,000 templates": {
      const all = join(
        ...Array.from({ length: 30 }, (_, index) => {
          return templates(...Array.from({ length: 1_000 }, (_, each) => template(300 + index * 1_000 + each, 1)));
        }),
        templates(number(2 * 0x10000, 4)),
      );
      return { first: new Uint8Array(0), then: () => all };
    }
    case "redefinitions over udp": {
      const round = join(template(256, 1), template(256, 2));
      const datagram = templates(...Array<Uint8Array>(60).fill(round));
      return { first: templates(template(256, 1)), then: () => datagram };
    }
  }
}

async function connect(port: number): Promise<(octets: Uint8Array) => Promise<void>> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return async (octets) => {
    for (let sent = 0; sent < octets.length;) sent += await connection.write(octets.subarray(sent));
  };
}

function overUdp(port: number): (octets: Uint8Array) => Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  let sent = 0;
  return async (octets) => {
    await socket.send(octets, { transport: "udp", hostname: "127.0.0.1", port });
    if (++sent % 1_440 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  };
}

async function main({ port, hostility, sessions = 1 }: HostileOptions): Promise<void> {
  const open = () => hostility === "redefinitions over udp" ? overUdp(port) : connect(port);
  const { first, then } = messages(hostility);
  const begin = async () => {
    const send = await open();
    await send(first);
    return send;
  };
  const flood = async (send: (octets: Uint8Array) => Promise<void>) => {
    for (let round = 0;; round++) {
      try {
        await send(then(round));
      } catch {
        send = await begin();
      }
    }
  };
  void endWithParent();
  const begun = await Promise.all(Array.from({ length: sessions }, begin));
  Deno.stdout.writeSync(new TextEncoder().encode("sending\n"));
  await Promise.all(begun.map(flood));
}

if (import.meta.main) await main(JSON.parse(Deno.args[0] ?? ""));
