import { Fifo } from "../../proxy/time/fifo.ts";

/** The pause for the data path after a piece of work: a share of what the piece took, and its least in milliseconds. */
const [PAUSE, SHORTEST_PAUSE] = [0.5, 1];

/** Who waits for a turn. */
const waiting = new Fifo<() => void>();
let isRunning = false;

/**
 * Waits for a turn to do one piece of work on an answer: some milliseconds. However many clients ask at a time, one
 * piece is done at a time, and the event loop has nothing to do for a moment behind each: only then does Deno 2.9.6 look
 * at all sockets, those of exporters and of probes among them.
 */
export function nextTurn(): Promise<void> {
  if (!isRunning) {
    isRunning = true;
    setTimeout(resume, 0);
  }
  return new Promise((turn) => waiting.push(turn));
}

function resume(): void {
  const turn = waiting.take();
  if (turn === undefined) {
    isRunning = false;
    return;
  }
  const began = performance.now();
  turn();
  // A timer is not served before the piece is done.
  setTimeout(() => setTimeout(resume, Math.max(SHORTEST_PAUSE, PAUSE * (performance.now() - began))), 0);
}
