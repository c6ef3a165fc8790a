import type { Collectors } from "../collectors.ts";
import { collectorEvidence, sessionEvidence } from "./evidence.ts";
import type { OpenSessions } from "../sessions/open_sessions.ts";
import type { ProxyOptions } from "../proxy_options.ts";
import type { Verdict } from "./verdict.ts";
import type { VerdictWatch } from "./verdict_watch.ts";

/** What a {@link VerdictReporter} looks at. */
export interface VerdictReporterParts {
  readonly watch: VerdictWatch;
  readonly sessions: OpenSessions;
  readonly collectors: Collectors;
  /** The options that hold now. */
  readonly options: () => Pick<ProxyOptions, "certificateFault" | "report">;
}

/** Reaches the verdict from all sessions and collectors, and reports when it changes. */
export class VerdictReporter {
  readonly #watch: VerdictWatch;
  readonly #sessions: OpenSessions;
  readonly #collectors: Collectors;
  readonly #options: VerdictReporterParts["options"];
  /** Whether the verdict was looked at for a template since the last tick. */
  #toldSince = false;

  constructor({ watch, sessions, collectors, options }: VerdictReporterParts) {
    this.#watch = watch;
    this.#sessions = sessions;
    this.#collectors = collectors;
    this.#options = options;
  }

  /** Whether the proxy is still needed. */
  verdict(): Verdict {
    return this.#watch.look({
      sessions: sessionEvidence(this.#sessions.entries),
      collector: collectorEvidence(this.#collectors, this.#sessions.entries),
      certificateFault: this.#options().certificateFault?.(),
    });
  }

  /** Reports a verdict that has changed. Called regularly. */
  tick(): void {
    this.#toldSince = false;
    this.#tellVerdict();
  }

  /**
   * A template of a session has just been mapped to something else. Reported at once: the session may be gone in a
   * moment.
   */
  seeSkew(): void {
    this.#watch.see();
    // A verdict looks at every session, and thousands that connect at once each announce templates.
    if (this.#toldSince || this.#watch.told === "skew_seen") return;
    this.#toldSince = true;
    this.#tellVerdict();
  }

  #tellVerdict(): void {
    const verdict = this.verdict();
    const event = this.#watch.news(verdict);
    if (event === undefined) return;
    const { open, skewed } = sessionEvidence(this.#sessions.entries);
    const message = event === "skew_over"
      ? "no skew left: this proxy can be removed"
      : "sessions need rewriting: this proxy is needed";
    this.#options().report({ level: "info", event, message, fields: { ...verdict, sessions: open, skewed } });
  }
}
