/** What a proxy in a cluster says of itself, and whom it lets in. */
import { connect } from "node:tls";
import { type AggregatorCertificates, SERVER_NAME } from "../support/kubernetes/aggregator_trust.ts";
import { runCommand } from "../support/processes/run_command.ts";
import { until } from "../support/time/until.ts";

/**
 * Waits until the log, the status and the page say that.
 *
 * @param admin `http://127.0.0.1:PORT`
 * @param log everything that was logged since
 */
export async function waitUntilSaid(words: RegExp, admin: string, log: () => string): Promise<void> {
  const page = async () => plain(await (await fetch(admin)).text());
  const status = async () => (await runCommand("status", ["--admin", admin])).text.replaceAll(/\s+/g, " ");
  for (const [place, read] of Object.entries({ log, page, status })) {
    await until("", async () => words.test(await read())).catch(async () => {
      throw new Error(`${place} does not say ${words}:\n${await read()}\n${log()}`);
    });
  }
}

/** The text of a page. */
function plain(html: string): string {
  const entities: Record<string, string> = { "&#39;": "'", "&quot;": '"', "&lt;": "<", "&gt;": ">", "&amp;": "&" };
  return html.replaceAll(/<[^>]+>/g, " ").replaceAll(/&[#\w]+;/g, (entity) => entities[entity] ?? entity)
    .replaceAll(/\s+/g, " ");
}

/** Whether the proxy lets this in. With TLS 1.2 a client knows that at the end of the handshake. */
export function isLetIn(port: number, identity: AggregatorCertificates["client"] | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: SERVER_NAME,
      maxVersion: "TLSv1.2",
      // Whether Agents trust the proxy is another question.
      rejectUnauthorized: false,
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
    });
    const answer = (isIn: boolean) => {
      socket.destroy();
      resolve(isIn);
    };
    socket.on("secureConnect", () => answer(true)).on("error", () => answer(false)).on("close", () => answer(false));
  });
}
