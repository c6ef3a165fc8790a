import { isIP } from "node:net";
import { Command } from "commander";
import type { MediationEvent } from "../mediation/templates/event.ts";
import { Mediator } from "../mediation/session/mediator.ts";
import type { SessionRewriter } from "../mediation/session/session_rewriter.ts";
import { runFailure, usageFailure } from "./command_line/command_failure.ts";
import { configurationOption, required } from "./command_line/command_options.ts";
import { BrokenMessage, consumeStream, type MessageConsumer } from "../offline/message_stream.ts";
import { mediatorOptions } from "../service/served_proxy.ts";
import { printable, say, writeOctets } from "../terminal/terminal.ts";

interface Options {
  readonly config?: string;
  readonly fromAddress?: string;
}

export function rewriteCommand(): Command {
  return new Command("rewrite")
    .summary("rewrite the messages of one exporter session, offline")
    .description(
      "Reads the messages of one exporter session from standard input (an IPFIX file, RFC 5655) and writes them as the " +
        "collector would receive them. With `mode: observe` they are written octet for octet, and changes are only reported.",
    )
    .option("-c, --config <file>", "configuration of the proxy")
    .option("--from-address <address>", "the exporter's IP address, for peer rules that match it")
    .action(rewrite);
}

async function rewrite(options: Options): Promise<void> {
  const file = required("--config <file>", options.config);
  const { fromAddress } = options;
  if (fromAddress !== undefined && isIP(fromAddress) === 0) {
    throw usageFailure(
      `error: --from-address: "${printable(fromAddress)}" is not an IP address (192.0.2.1, 2001:db8::1)`,
    );
  }
  const configuration = await configurationOption(file);
  const peer = fromAddress === undefined ? {} : { address: fromAddress };
  const { mode } = configuration.chooseSession(peer);
  const session = new Mediator(mediatorOptions(configuration)).open({
    reliable: true,
    notify: sayEvent,
    ...peer,
  });
  try {
    await consumeStream(
      (into) => Deno.stdin.read(into),
      mode === "observe" ? new ObservingConsumer(session) : new RewritingConsumer(session),
    );
  } catch (error) {
    if (error instanceof BrokenMessage) throw runFailure(`error: ${error.message}`, error);
    throw error;
  } finally {
    saySummary(session);
    session.close();
  }
}

/** Octets of rewritten output per write. */
const OUTPUT_LENGTH = 256 * 1024;

class RewritingConsumer implements MessageConsumer {
  readonly #output = new Uint8Array(OUTPUT_LENGTH);

  constructor(readonly session: SessionRewriter) {}

  async take(octets: Uint8Array): Promise<number | undefined> {
    const rewritten = this.session.rewrite(octets, this.#output);
    const { consumed } = this.session;
    if (rewritten.length > 0) await writeOctets(rewritten);
    return consumed === 0 && rewritten.length === 0 ? undefined : consumed;
  }
}

/** Passes on unchanged what the rewriter consumed. */
class ObservingConsumer implements MessageConsumer {
  readonly #ignored = new Uint8Array(OUTPUT_LENGTH);

  constructor(readonly session: SessionRewriter) {}

  async take(octets: Uint8Array): Promise<number | undefined> {
    this.session.rewrite(octets, this.#ignored);
    const { consumed, produced } = this.session;
    if (consumed > 0) await writeOctets(octets.subarray(0, consumed));
    return consumed === 0 && produced === 0 ? undefined : consumed;
  }
}

/** Reports events that an operator must know of, because nothing is lost silently. */
function sayEvent(event: MediationEvent): void {
  switch (event.event) {
    case "template_refused":
    case "plugin_failed":
    case "records_dropped":
    case "warning": {
      const place = `observation domain ${event.observationDomain}` +
        (event.template === undefined ? "" : `, template ${event.template}`);
      say(
        `${event.event === "warning" ? "warning" : event.event.replaceAll("_", " ")}: ${place}: ${
          printable(event.message)
        }`,
      );
    }
  }
}

function saySummary({ counters }: SessionRewriter): void {
  const counted = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([name, count]) => `${printable(name)} ${count}`).join(", ");
  say(
    `messages ${counters.messagesReceived} in, ${counters.messagesSent} out; ` +
      `records ${counters.recordsReceived} in, ${counters.recordsSent} out`,
  );
  for (
    const [what, counts] of [
      ["records dropped", counters.recordsDropped],
      ["fields stripped", counters.fieldsStripped],
      ["fields padded", counters.fieldsPadded],
      ["information lost in records", counters.informationLost],
    ] as const
  ) {
    if (counts.size > 0) say(`${what}: ${counted(counts)}`);
  }
}
