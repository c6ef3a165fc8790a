import type { Clock } from "../time/clock.ts";
import { TemplateAllowance } from "./template_allowance.ts";

/** Lets a session wait that changes more templates than it may. */
export class TemplateThrottle {
  readonly #clock: Clock;
  readonly #onFirst: () => void;
  #allowance: TemplateAllowance | undefined;
  #told = false;
  #wake = () => {};

  /** @param onFirst called when it waits for the first time */
  constructor(clock: Clock, onFirst: () => void) {
    this.#clock = clock;
    this.#onFirst = onFirst;
  }

  /** Notes so many changes. Returns the milliseconds to wait after them. */
  note(changes: number, perSecond: number): number {
    const now = this.#clock.now();
    this.#allowance ??= new TemplateAllowance(perSecond, now);
    return this.#allowance.use(changes, perSecond, now);
  }

  /** Waits this many milliseconds, or until {@link end}. */
  async wait(milliseconds: number): Promise<void> {
    if (!this.#told) this.#onFirst();
    this.#told = true;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(milliseconds, resolve);
      this.#wake = () => (cancel(), resolve());
    });
    this.#wake = () => {};
  }

  /** Ends a wait. */
  end(): void {
    this.#wake();
  }
}
