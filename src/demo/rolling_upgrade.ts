import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { type Destination, EmbeddedAgent } from "./embedded_agent.ts";
import type { Effect, EmbeddedAggregator } from "./embedded_aggregator.ts";
import { wrongAbout } from "./record_judgement.ts";

/** Most milliseconds to wait for a message's effect, or for a closed connection to be noticed. */
const PATIENCE = 2000;
/** The same once several messages had no effect, so that a broken stage does not slow the demo down. */
const IMPATIENCE = 50;

/** What happened to the records of one stage, or of all stages. */
export interface Tally {
  /** Records that Agents were to send. */
  sent: number;
  /** Records that the Aggregator accepted. */
  arrived: number;
  /** Accepted records with a wrong value, or that the Aggregator itself cannot export. */
  wrong: number;
  /** Records of which nothing arrived. */
  lost: number;
  /** How many times the Aggregator died. */
  deaths: number;
}

/** One stage of the upgrade, in which the Agent of each Node sends some flows. */
export interface Stage {
  /** Nodes whose Agent already runs the new release. */
  readonly upgraded: number;
  readonly tally: Readonly<Tally>;
  /** The first message about each kind of failure. */
  readonly complaints: readonly string[];
}

export interface UpgradeOptions {
  readonly from: Profile;
  readonly to: Profile;
  readonly aggregator: EmbeddedAggregator;
  /** The address of the Aggregator, or of the proxy in front of it. */
  readonly destination: Destination;
  readonly nodes: readonly string[];
  /** Flows that each Agent sends in each stage. */
  readonly flows: number;
  readonly signal?: AbortSignal;
}

/**
 * Upgrades the Agents from one release to the other, one Node per stage. Before the first and after each upgrade, the
 * Agents of all Nodes send flows. Each message waits for the effect of the previous one, so that every run has the same
 * outcome.
 */
export async function* rollingUpgrade(options: UpgradeOptions): AsyncGenerator<Stage> {
  const upgrade = new Upgrade(options);
  try {
    for (let upgraded = 0; upgraded <= options.nodes.length; upgraded++) {
      if (upgraded > 0) await upgrade.replaceAgent(upgraded - 1);
      yield await upgrade.stage(upgraded);
    }
  } finally {
    await upgrade.close();
  }
}

class Upgrade {
  readonly #agents: EmbeddedAgent[];
  #flow = 0;
  #unanswered = 0;
  #tally: Tally = emptyTally();
  #complaints = new Map<string, string>();

  constructor(readonly options: UpgradeOptions) {
    this.#agents = options.nodes.map((node) => new EmbeddedAgent(options.from, node));
  }

  async replaceAgent(index: number): Promise<void> {
    await this.#agents[index]?.close();
    this.#agents[index] = new EmbeddedAgent(this.options.to, this.options.nodes[index] ?? "");
  }

  async stage(upgraded: number): Promise<Stage> {
    this.#tally = emptyTally();
    this.#complaints = new Map();
    const deaths = this.options.aggregator.deaths;
    for (let round = 0; round < this.options.flows; round++) {
      for (const agent of this.#agents) {
        this.options.signal?.throwIfAborted();
        await this.#send(agent, this.#flow++);
      }
    }
    this.#tally.deaths = this.options.aggregator.deaths - deaths;
    return { upgraded, tally: this.#tally, complaints: [...this.#complaints.values()] };
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.close()));
  }

  async #send(agent: EmbeddedAgent, number: number): Promise<void> {
    if (!agent.connected) {
      await agent.connect(this.options.destination, async () => void await this.#effect(agent));
    }
    const { flow, written } = await agent.send(number);
    const effect = written ? await this.#effect(agent) : undefined;
    const records = effect?.records ?? [];
    this.#tally.sent++;
    this.#tally.arrived += records.length;
    if (records.length === 0) this.#tally.lost++;
    records.forEach((record, index) => {
      const wrong = index > 0 ? "one record became several" : wrongAbout(flow, record, this.options.aggregator.profile);
      if (wrong === undefined) return;
      this.#tally.wrong++;
      this.#complain("wrong", `wrong: ${wrong}`);
    });
  }

  async #effect(agent: EmbeddedAgent): Promise<Effect | undefined> {
    const effect = await this.options.aggregator.nextEffect(this.#unanswered < 3 ? PATIENCE : IMPATIENCE);
    if (effect === undefined) {
      this.#unanswered++;
      this.#complain("silent", "nothing arrived");
      return undefined;
    }
    if (effect.refused !== undefined) this.#complain("refused", `refused: ${effect.refused}`);
    if (effect.died !== undefined) {
      this.#complain("died", `died: ${effect.died}`);
      // Connected Agents notice, and reconnect before they send the next flow.
      await Promise.all(this.#agents.filter(({ connected }) => connected).map((each) => each.untilClosed(PATIENCE)));
    } else if (effect.closes) await agent.untilClosed(PATIENCE);
    return effect;
  }

  #complain(kind: string, message: string): void {
    if (!this.#complaints.has(kind)) this.#complaints.set(kind, message);
  }
}

/** A tally of zeros. */
function emptyTally(): Tally {
  return { sent: 0, arrived: 0, wrong: 0, lost: 0, deaths: 0 };
}

/** Returns the sum of several tallies. */
export function sumOfTallies(tallies: Iterable<Readonly<Tally>>): Tally {
  const sum = emptyTally();
  for (const tally of tallies) {
    sum.sent += tally.sent;
    sum.arrived += tally.arrived;
    sum.wrong += tally.wrong;
    sum.lost += tally.lost;
    sum.deaths += tally.deaths;
  }
  return sum;
}
