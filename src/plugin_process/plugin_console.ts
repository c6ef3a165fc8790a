const METHODS = ["log", "info", "debug", "warn", "error", "trace", "dir", "table"] as const;

/** Has what a plugin prints with `console` written elsewhere: standard output is for answers, or a command's octets. */
export function redirectConsole(write: (text: string) => void): void {
  for (const method of METHODS) {
    // deno-lint-ignore no-console
    console[method] = (...values: unknown[]) =>
      write(values.map((value) => typeof value === "string" ? value : Deno.inspect(value)).join(" "));
  }
}
