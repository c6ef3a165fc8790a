/** What became of each record: the sums that a soak ends with, and what among them should not be. */

/** One exporter's session, as all that watched it tell. */
export interface SessionAccount {
  readonly transport: "tcp" | "tls" | "udp";
  /** Flows 0 to this were given to the kernel; some more may have been, where it was cut off. */
  readonly sent: number;
  /** How it ended: in order, by a fault on the exporter's own side, or by the proxy, which has no reason to. */
  readonly ending: "closed" | "cut" | "by the proxy";
  /** Flows as they arrived: runs without a hole, with the collector that got them (each is killed once). */
  readonly arrived: readonly { readonly collector: number; readonly first: number; readonly last: number }[];
  /** Upper bounds that the proxy announced, one for each connection to the collector that was lost. */
  readonly announced: readonly number[];
}

/** Sums over sessions. */
export interface Sums {
  sessions: number;
  sent: number;
  arrived: number;
  /** Down with a killed collector's socket, within what was announced. */
  inKilledSocket: number;
  /** Cut off with the exporter, which would have lost them without a proxy too. */
  withExporter: number;
  /** Over UDP, which promises nothing. */
  datagrams: number;
  /** All others: a direct connection would have kept them. */
  lost: number;
  /** Arrived again, or behind a later one. */
  twice: number;
}

export function noSums(): Sums {
  return { sessions: 0, sent: 0, arrived: 0, inKilledSocket: 0, withExporter: 0, datagrams: 0, lost: 0, twice: 0 };
}

/** Adds a session. */
export function account(sums: Sums, { transport, sent, ending, arrived, announced }: SessionAccount): void {
  sums.sessions++;
  let expected = 0;
  let collector: number | undefined;
  let got = 0;
  let [killed, elsewhere] = [0, 0];
  // Datagrams may overtake each other, and what came ahead of its template comes behind it.
  const inOrder = transport === "udp" ? arrived.toSorted((one, other) => one.first - other.first) : arrived;
  for (const run of inOrder) {
    const first = Math.max(run.first, expected);
    sums.twice += Math.max(0, Math.min(run.last + 1, expected) - run.first);
    const hole = first - expected;
    // Nothing is missing at the start, nor where the collector stayed the same.
    if (hole > 0 && collector !== undefined && run.collector !== collector) killed += hole;
    else elsewhere += Math.max(0, hole);
    got += Math.max(0, run.last - first + 1);
    expected = Math.max(expected, run.last + 1);
    collector = run.collector;
  }
  const tail = Math.max(0, sent - expected);
  const bound = announced.reduce((sum, one) => sum + one, 0);
  sums.sent += Math.max(sent, expected);
  sums.arrived += got;
  if (transport === "udp") {
    sums.datagrams += killed + elsewhere + tail;
    return;
  }
  // A session that never delivered anything before a kill has its hole at the start.
  if (announced.length > 0) [killed, elsewhere] = [killed + startHole(arrived), elsewhere - startHole(arrived)];
  const tailKilled = ending === "closed" && announced.length > 0 ? Math.min(tail, Math.max(0, bound - killed)) : 0;
  sums.inKilledSocket += Math.min(killed, bound) + tailKilled;
  if (ending === "cut") sums.withExporter += tail;
  sums.lost += elsewhere + Math.max(0, killed - bound) + (ending === "cut" ? 0 : tail - tailKilled);
}

function startHole(arrived: SessionAccount["arrived"]): number {
  return arrived[0]?.first ?? 0;
}
