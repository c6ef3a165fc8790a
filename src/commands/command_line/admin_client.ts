import { boundedText } from "../../bounded_text.ts";
import { usageFailure } from "./command_failure.ts";
import { printable } from "../../terminal/terminal.ts";

/** Where a proxy's admin server is unless the configuration says otherwise. */
export const DEFAULT_ADMIN = "http://127.0.0.1:24780";

/** How long a proxy may take to answer. */
const ANSWER_MILLISECONDS = 5_000;

/** Most octets of an answer: something else may listen at the address, and send without end. */
const ANSWER_OCTETS = 16 * 1024 * 1024;

/**
 * A path of the admin server that `--admin` names.
 *
 * @throws CommandFailure with exit status 2 where that is no address
 */
export function adminUrl(admin: string, path: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(admin) ? admin : `http://${admin}`;
  const url = URL.parse(path, text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw usageFailure(
      `error: --admin: "${printable(admin)}" is not the address of an admin server (${DEFAULT_ADMIN})`,
    );
  }
  return url;
}

/**
 * The body of an answer in JSON. A POST has none of its own.
 *
 * @throws Error when there is no answer, it is no success, or too long
 */
export async function askAdmin(url: URL, method: "GET" | "POST" = "GET"): Promise<unknown> {
  // Loaded by those who ask, not by `--help`. No redirect is followed, and no connection is kept.
  const { request } = await import("./http_request.ts");
  const { statusCode, body } = await request(url, {
    method,
    ...(method === "POST" ? { headers: { "content-type": "application/json" }, body: "{}" } : {}),
    signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
    reset: true,
  });
  if (statusCode < 200 || statusCode > 299) {
    await body.dump();
    throw new Error(`HTTP status ${statusCode}`);
  }
  const tooLong = `the answer is longer than ${ANSWER_OCTETS / 2 ** 20} MiB`;
  return JSON.parse(await boundedText(body, ANSWER_OCTETS, tooLong));
}
