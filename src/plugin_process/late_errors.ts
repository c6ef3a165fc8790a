/**
 * Has a process go on after a rejected promise that nobody awaits, or an error in a timer: what a plugin leaves behind.
 *
 * @param tell receives what was thrown, unless somebody else has taken care of it
 */
export function onLateError(tell: (reason: unknown) => void): void {
  const take = (event: Event, reason: unknown) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    tell(reason);
  };
  globalThis.addEventListener("unhandledrejection", (event) => take(event, event.reason));
  globalThis.addEventListener("error", (event) => take(event, event.error));
}
