import { isIP } from "node:net";
import { Command } from "commander";
import { nextMessageLength } from "../../ipfix/message/framing.ts";
import type { FirstTemplate } from "../../mediation/mapping/chain/treatment.ts";
import type { MediationEvent } from "../../mediation/templates/event.ts";
import { consumeInput } from "../command_line/consume_input.ts";
import { Mediator } from "../../mediation/session/mediator.ts";
import type { SessionRewriter } from "../../mediation/session/session_rewriter.ts";
import { CommandFailure, usageFailure } from "../command_line/command_failure.ts";
import { configurationOption, required } from "../command_line/command_options.ts";
import type { MessageConsumer } from "../../offline/message_stream.ts";
import { mediatorOptions } from "../../service/served_proxy.ts";
import { printable, say, writeOctets } from "../../terminal/terminal.ts";

interface Options {
  readonly config?: string;
  readonly fromAddress?: string;
  readonly keepGoing?: boolean;
}

/** The exit status where records were dropped. */
const RECORDS_DROPPED = 3;

export function rewriteCommand(): Command {
  return new Command("rewrite")
    .summary("rewrite the messages of one exporter session, offline")
    .description(
      "Reads the messages of one exporter session from standard input (an IPFIX file, RFC 5655) and writes them as the " +
        "collector would receive them. With `mode: observe`, writes them unchanged and only reports what it would change. " +
        "Exit status: 0 done, 3 records were dropped (standard error says how many and why), 1 a message is broken.",
    )
    .option("-c, --config <file>", "configuration of the proxy")
    .option("--keep-going", "skip a broken message whose length leads to another one; the exit status is still 1")
    .option("--from-address <address>", "the exporter's IP address, for peer rules that match it")
    .action(rewrite);
}

async function rewrite(options: Options): Promise<void> {
  const file = required("--config <file>", options.config);
  const { fromAddress, keepGoing = false } = options;
  if (fromAddress !== undefined && isIP(fromAddress) === 0) {
    throw usageFailure(
      `error: --from-address: "${printable(fromAddress)}" is not an IP address (192.0.2.1, 2001:db8::1)`,
    );
  }
  const configuration = await configurationOption(file);
  if (configuration.automaticProfile?.isKnown === false) {
    throw usageFailure(`error: ${file}: collector.profile: auto is not known offline (collector.fallbackProfile)`);
  }
  const peer = fromAddress === undefined ? {} : { address: fromAddress };
  const choice = configuration.chooseSession(peer);
  let observes = choice !== "undecided" && choice.mode === "observe";
  const mediator = new Mediator(mediatorOptions(configuration));
  const session = mediator.open({
    reliable: true,
    notify: (event) => sayEvent(event, observes),
    ...peer,
  });
  const consumer = () => observes ? new ObservingConsumer(session) : new RewritingConsumer(session);
  const decide = (decidedBy: FirstTemplate) => {
    const decided = configuration.chooseSession({ ...peer, decidedBy });
    observes = decided !== "undecided" && decided.mode === "observe";
    session.renew(undefined, { decidedBy });
    return consumer();
  };
  const undecided = new UndecidedConsumer(session, (message) => mediator.firstTemplate(message), decide);
  try {
    await consumeInput(choice === "undecided" ? undecided : consumer(), keepGoing);
    saySummary(session, observes);
  } catch (error) {
    // What cannot be read or written leaves nothing to sum up.
    if (error instanceof CommandFailure) saySummary(session, observes);
    throw error;
  } finally {
    session.close();
  }
  const dropped = session.counters.recordsDropped;
  if (observes || dropped.size === 0) return;
  const records = [...dropped.values()].reduce((sum, count) => sum + count, 0);
  throw new CommandFailure(
    RECORDS_DROPPED,
    `error: ${records} ${records === 1 ? "record was" : "records were"} dropped: ${listCounts(dropped)}`,
  );
}

/** Octets of rewritten output per write. */
const OUTPUT_LENGTH = 256 * 1024;

/** Waits for plugins in processes of their own where nothing can go on without their answer. */
async function rewriteWhenReady(session: SessionRewriter, input: Uint8Array, output: Uint8Array): Promise<Uint8Array> {
  for (;;) {
    const rewritten = session.rewrite(input, output);
    if (session.consumed > 0 || rewritten.length > 0 || session.waiting === undefined) return rewritten;
    await session.waiting;
  }
}

class RewritingConsumer implements MessageConsumer {
  readonly #output = new Uint8Array(OUTPUT_LENGTH);

  constructor(readonly session: SessionRewriter) {}

  async take(octets: Uint8Array): Promise<number | undefined> {
    const rewritten = await rewriteWhenReady(this.session, octets, this.#output);
    const { consumed } = this.session;
    if (rewritten.length > 0) await writeOctets(rewritten);
    return consumed === 0 && rewritten.length === 0 ? undefined : consumed;
  }
}

/** Waits for the first template, which decides what becomes of the session. What comes before it goes nowhere. */
class UndecidedConsumer implements MessageConsumer {
  readonly #ignored = new Uint8Array(OUTPUT_LENGTH);
  #decided: MessageConsumer | undefined;

  constructor(
    readonly session: SessionRewriter,
    readonly read: Mediator["firstTemplate"],
    readonly decide: (first: FirstTemplate) => MessageConsumer,
  ) {}

  async take(octets: Uint8Array): Promise<number | undefined> {
    if (this.#decided !== undefined) return this.#decided.take(octets);
    const length = nextMessageLength(octets);
    if (length === "incomplete") return undefined;
    const message = octets.subarray(0, length);
    const first = this.read(message);
    if (first !== undefined && first !== "malformed") {
      this.#decided = this.decide(first);
      return this.#decided.take(octets);
    }
    await rewriteWhenReady(this.session, message, this.#ignored);
    this.session.discard();
    return this.session.consumed;
  }
}

/** Passes on unchanged what the rewriter consumed. */
class ObservingConsumer implements MessageConsumer {
  readonly #ignored = new Uint8Array(OUTPUT_LENGTH);

  constructor(readonly session: SessionRewriter) {}

  async take(octets: Uint8Array): Promise<number | undefined> {
    await rewriteWhenReady(this.session, octets, this.#ignored);
    const { consumed, produced } = this.session;
    if (consumed > 0) await writeOctets(octets.subarray(0, consumed));
    return consumed === 0 && produced === 0 ? undefined : consumed;
  }
}

/** How an event that is reported begins; of an observed session, what rewriting would do. */
const EVENT_WORDS = {
  template_refused: ["template refused", "would refuse a template"],
  plugin_failed: ["plugin failed", "plugin failed"],
  records_dropped: ["records dropped", "would drop records"],
  warning: ["warning", "warning"],
} as const;

/** Reports events that an operator must know of, because nothing is lost silently. */
function sayEvent(event: MediationEvent, observes: boolean): void {
  switch (event.event) {
    case "template_refused":
    case "plugin_failed":
    case "records_dropped":
    case "warning": {
      const [happened, wouldHappen] = EVENT_WORDS[event.event];
      const place = `observation domain ${event.observationDomain}` +
        (event.template === undefined ? "" : `, template ${event.template}`);
      say(`${observes ? wouldHappen : happened}: ${place}: ${printable(event.message)}`);
    }
  }
}

/** `1 message` */
function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? "" : "s"}`;
}

function saySummary({ counters }: SessionRewriter, observes: boolean): void {
  const { messagesReceived, messagesSent, recordsReceived, recordsSent } = counters;
  say(
    observes
      ? `${count(messagesReceived, "message")} and ${count(recordsReceived, "record")} passed on unchanged; ` +
        `rewritten, there would be ${count(messagesSent, "message")} and ${count(recordsSent, "record")}`
      : `messages ${messagesReceived} in, ${messagesSent} out; records ${recordsReceived} in, ${recordsSent} out`,
  );
  for (
    const [what, whatWouldBe, counts] of [
      ["records dropped", "records that would be dropped", counters.recordsDropped],
      ["fields stripped", "fields that would be stripped", counters.fieldsStripped],
      ["fields padded", "fields that would be padded", counters.fieldsPadded],
      ["information lost in records", "records that would lose information", counters.informationLost],
    ] as const
  ) {
    if (counts.size > 0) say(`${observes ? whatWouldBe : what}: ${listCounts(counts)}`);
  }
}

function listCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${printable(name)} ${count}`).join(", ");
}
