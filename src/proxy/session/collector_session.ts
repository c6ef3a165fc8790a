import type { CollectorConnection } from "../collector/collector_connection.ts";
import type { CollectorLink, CollectorRoute } from "../collector/collector_link.ts";
import type { OutputBuffer } from "../memory/output_buffer.ts";
import type { RewriterSwitch } from "./rewriting/rewriter_switch.ts";
import { type SessionMove, WORK } from "./session_parts.ts";

/**
 * The transport session to the collector that is paired with an exporter's: first one, then another where it is lost.
 */
export class CollectorSession {
  /** Undefined before the first octet is to be sent, and once there is no collector any more. */
  connection: CollectorConnection | undefined;
  /** Whether the session waits for a collector. */
  holding = false;
  readonly #link: CollectorLink;
  readonly #rewriting: RewriterSwitch;
  readonly #output: OutputBuffer;
  /** Milliseconds that a move has waited for a collector that takes nothing. */
  #moveWaited = 0;

  constructor(link: CollectorLink, rewriting: RewriterSwitch, output: OutputBuffer) {
    this.#link = link;
    this.#rewriting = rewriting;
    this.#output = output;
  }

  /** Waits for the first connection. Returns whether there is one. */
  async connect(): Promise<boolean> {
    this.holding = true;
    this.connection = await this.#link.connection();
    if (this.connection === undefined) return false;
    this.holding = false;
    return true;
  }

  /**
   * Writes what a first write left over. Returns the octets taken in total; fewer than all if the connection is lost.
   */
  async writeRest(connection: CollectorConnection, octets: Uint8Array, taken: number): Promise<number> {
    try {
      while (taken < octets.length) taken += await connection.write(octets.subarray(taken));
    } catch { /* The link reports it. */ }
    return taken;
  }

  /**
   * Waits until the collector is back, and has the rewriter send the templates in use and then the messages that the
   * lost connection did not take completely. The exporter is not read meanwhile and notices nothing.
   *
   * @returns whether there is a connection again, within the hold time
   */
  async resume(failed: CollectorConnection, unsent: Uint8Array): Promise<boolean> {
    this.connection = await this.#resume(failed, unsent);
    return this.connection !== undefined;
  }

  async #resume(failed: CollectorConnection, unsent: Uint8Array): Promise<CollectorConnection | undefined> {
    // Octets relayed unseen may have ended in the middle of a message, so that nothing can follow them.
    if (!this.#rewriting.rewrites) return undefined;
    this.#rewriting.mediated.interrupt(unsent);
    this.#output.release();
    this.holding = true;
    // One that has taken nothing has not failed: a move asks for another one, unless it was dialled in that way already.
    const stays = !failed.lost && failed.usedAt === undefined && !this.#link.retire();
    const connection = stays ? failed : await this.#link.replace(failed);
    if (connection === undefined) return undefined;
    await this.#rewriting.prepare();
    this.holding = false;
    this.#rewriting.begin();
    return connection;
  }

  /**
   * Begins anew over a connection that has taken nothing yet, for a collector that expects something else than the
   * output was made for.
   *
   * @returns as {@link resume}
   */
  async beginAnew(connection: CollectorConnection, unsent: Uint8Array): Promise<boolean> {
    this.#rewriting.mediated.interrupt(unsent);
    await this.#rewriting.prepare();
    // Another way to the collector may have been asked for meanwhile.
    if (this.#rewriting.move !== undefined) return await this.resume(connection, new Uint8Array(0));
    this.#rewriting.begin();
    return true;
  }

  /** Asks for a change of the way to the collector, or of what goes there, before the next record; see {@link move}. */
  request(move: SessionMove): void {
    this.#rewriting.request(move);
    this.#moveWaited = 0;
    this.#link.redirect(move.route);
  }

  /**
   * Moves to the current collector, once the previous one has taken all that was meant for it and no message is partly
   * sent.
   *
   * @returns whether there is a connection; if not, the session has to end
   */
  async move(left: CollectorConnection): Promise<boolean> {
    this.connection = await this.#move(left);
    return this.connection !== undefined;
  }

  async #move(left: CollectorConnection): Promise<CollectorConnection | undefined> {
    const isWhole = this.#rewriting.finishObserving();
    // Where messages begin is not known after a malformed one, so the exporter has to reconnect.
    if (isWhole === undefined) return undefined;
    if (!isWhole) return left;
    const stays = !this.#link.retire() && !left.lost;
    const connection = stays ? left : await this.#link.replace(left);
    if (connection !== undefined) {
      await this.#rewriting.prepare();
      this.#rewriting.begin();
    }
    return connection;
  }

  /**
   * Notes that a requested move waited for its collector during a tick. One that is being replaced may take as long
   * over the last write as one that is being closed.
   *
   * @param most milliseconds
   */
  waitToMove(elapsed: number, most: number): void {
    if (this.#rewriting.move === undefined || this.holding) return;
    this.#moveWaited += elapsed;
    if (this.#moveWaited >= most) this.#link.tearDown();
  }

  /**
   * The collector's process is another one. Maps the templates for it, at once if no record is on its way; otherwise
   * before the next record. A session that has come to it since, and as it should be, goes on.
   *
   * @param began when its epoch began, on the session's clock
   * @param atRest whether the session waits for its exporter
   * @returns false if there is more to do: call again, once others have had a turn
   */
  beginEpoch(route: CollectorRoute, began: number, atRest: boolean): boolean {
    const rewriting = this.#rewriting;
    if (rewriting.observes) return true;
    const { outdated } = rewriting.mediated;
    const usedAt = this.connection?.usedAt;
    if (!outdated && (usedAt ?? -Infinity) > began) return true;
    const isUsed = this.connection?.lost === false && usedAt !== undefined;
    // It wrote to the new process before that was known to be one.
    if (isUsed) this.request({ route, observe: false, renew: outdated, collector: rewriting.collectorFacts() });
    else if (atRest && rewriting.move === undefined && outdated) {
      if (rewriting.mediated.prepare(WORK) === "unfinished") return false;
      rewriting.renew();
    }
    return true;
  }
}
