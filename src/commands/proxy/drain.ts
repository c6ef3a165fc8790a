import { Command } from "commander";
import { z } from "zod";
import { systemReason } from "../../error_message.ts";
import { printable } from "../../terminal/terminal.ts";
import { adminUrl, askAdmin, DEFAULT_ADMIN } from "../command_line/admin_client.ts";
import { runFailure } from "../command_line/command_failure.ts";

/** How often the proxy is asked whether it has ended. */
const ASK_AGAIN_MILLISECONDS = 100;

/**
 * Times in a row that a proxy under load may give no answer, or an error, before it counts as ended. Once nobody listens
 * at its address, it has.
 */
const SILENCES = 10;

/** What the proxy answers when a drain has begun. */
const DRAINING = z.looseObject({ draining: z.literal(true) });

/** The part of a status that `drain` needs. */
const STATUS = z.looseObject({
  draining: z.boolean(),
  totals: z.looseObject({ sessions: z.looseObject({ open: z.number(), closing: z.number() }) }),
});

/** What the command touches of the world. */
export interface DrainDependencies {
  /** The answer's body. @throws Error when there is none, or it is no success */
  readonly ask: (url: URL, method: "GET" | "POST") => Promise<unknown>;
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** The `drain` command. */
export function drainCommand(): Command {
  return new Command("drain")
    .summary("drain a running proxy and wait until it has ended")
    .description(
      "Drains a running proxy, as SIGTERM does: the proxy accepts no more sessions and gives the open ones up to limits.drain to " +
        "end. Returns when the last one has ended. The proxy accepts this from its own machine only; in Kubernetes, use it as the " +
        "container's preStop hook. Exit status: 0 drained, 1 the proxy is not reachable or refused.",
    )
    .option("--admin <url>", "the proxy's admin address", DEFAULT_ADMIN)
    .action(({ admin }: { readonly admin: string }) =>
      drain(admin, {
        ask: askAdmin,
        pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
      })
    );
}

/**
 * Begins a drain, or joins the one under way; resolves when the proxy has no session any more or is gone.
 *
 * @throws CommandFailure with exit status 1 (not reachable, refused), 2 (wrong usage)
 */
export async function drain(admin: string, { ask, pause }: DrainDependencies): Promise<void> {
  const url = adminUrl(admin, "/api/drain");
  try {
    if (!DRAINING.safeParse(await ask(url, "POST")).success) throw new Error("what answers there is not this proxy");
  } catch (error) {
    throw runFailure(`error: cannot drain the proxy at ${url.origin}: ${printable(systemReason(error))}`, error);
  }
  const status = adminUrl(admin, "/api/status");
  for (let silences = 0; silences < SILENCES;) {
    try {
      const { success, data } = STATUS.safeParse(await ask(status, "GET"));
      // One that does not drain is the next process at this address.
      if (!success || !data.draining) return;
      const { open, closing } = data.totals.sessions;
      if (open + closing === 0) return;
      silences = 0;
    } catch (error) {
      // A proxy that has drained ends, and its admin server with it.
      if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED") return;
      silences++;
    }
    await pause(ASK_AGAIN_MILLISECONDS);
  }
}
