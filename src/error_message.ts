/** The message of anything that was thrown, an Error or not. Never throws, whatever a plugin has thrown. */
export function errorMessage(error: unknown): string {
  return textOf(error, (error) => error.message);
}

/** Where an error comes from, if it is an Error that says so; else its message. Never throws. */
export function errorStack(error: unknown): string {
  return textOf(error, (error) => error.stack ?? error.message);
}

/** An accessor, a proxy or a conversion to text may throw in turn. */
function textOf(error: unknown, ofError: (error: Error) => unknown): string {
  try {
    return String(error instanceof Error ? ofError(error) : error);
  } catch {
    return "something was thrown that has no text";
  }
}

/** What the operating system refuses, by the code of the error. */
const REFUSALS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "it is a directory"],
  ["ENOTDIR", "a part of its path is not a directory"],
  ["EEXIST", "it already exists"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "no space is left on the device"],
  ["EDQUOT", "the disk quota is used up"],
  ["EFBIG", "it is too large for the file system"],
  ["EIO", "the device has failed (an input or output error)"],
  ["ELOOP", "its path has too many symbolic links"],
  ["ENAMETOOLONG", "its name is too long"],
  ["EMFILE", "the process has too many open files"],
  ["ENFILE", "the system has too many open files"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset"],
  ["ENOTFOUND", "no such host"],
  ["EADDRINUSE", "the address is in use"],
  ["EADDRNOTAVAIL", "this machine does not have the address"],
]);

/**
 * Why the operating system, or Deno's permissions, refused something, in words; the message of any other error.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
 * assert.equal(systemReason(full), "no space is left on the device");
 * const refused = await Deno.connect({ hostname: "127.0.0.1", port: 1 }).catch((error) => error);
 * assert.equal(systemReason(refused), "connection refused");
 * ```
 */
export function systemReason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-\w+/.exec(error.message)?.[0];
    return flag === undefined || flag === "--allow-all"
      ? "Deno does not permit it"
      : `Deno does not permit it (${flag} would)`;
  }
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return REFUSALS.get(code) ?? errorMessage(error).replace(/ \(os error \d+\)/, "");
}
