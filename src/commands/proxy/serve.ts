import { Command } from "commander";
import type { Configuration } from "../../config/configuration.ts";
import { configureLogging, flushLog, logEvent, type LoggingOptions, overrideLogging } from "../../logging.ts";
import { formatAddress } from "../../proxy/transport/address.ts";
import type { ReportEvent } from "../../proxy/reporting/proxy_event.ts";
import { SYSTEM_CLOCK } from "../../proxy/time/clock.ts";
import { watchParent } from "../../service/parent_watch.ts";
import { VERSION } from "../../version.ts";
import { runFailure, usageFailure } from "../command_line/command_failure.ts";
import { errorMessage, errorStack } from "../../error_message.ts";
import { configurationFailure, DEFAULT_CONFIGURATION, orUsageFailure } from "../command_line/command_options.ts";
import { type Loaded, loadWatched } from "../../service/reloader.ts";
import { readTextFile } from "../../text_file.ts";
import { onLateError } from "../../plugin_process/late_errors.ts";
import { pluginHost, Service } from "../../service/service.ts";

export function serveCommand(): Command {
  return new Command("serve")
    .summary("run the proxy")
    .description(
      "Receives messages from exporters and sends them to the collector in the form it expects. SIGINT or SIGTERM starts a " +
        "drain: no new session is accepted, and the process exits once the open ones have ended. A second signal ends it " +
        "immediately. The configuration is reloaded when one of its files changes, on SIGHUP and on POST /api/reload; one with " +
        "mistakes is refused and changes nothing.",
    )
    .option("-c, --config <file>", "configuration", DEFAULT_CONFIGURATION)
    .action(serve);
}

async function serve({ config }: { readonly config: string }): Promise<void> {
  const report: ReportEvent = ({ level, event, message, fields }) => logEvent("proxy", level, event, message, fields);
  goOnAfterErrors(report);
  const { configuration, files } = await loadWatched(config, readTextFile, undefined, pluginHost(report));
  if (configuration instanceof Error) throw orUsageFailure(configuration);
  configureLogging(loggingOptions(configuration.log));
  try {
    await run(configuration, files, report);
  } finally {
    await flushLog();
  }
}

async function run(configuration: Configuration, files: Loaded["files"], report: ReportEvent): Promise<void> {
  for (const warning of configuration.warnings) logEvent("proxy", "warning", "config_warning", warning);
  const service = await open(configuration, report);
  const stopListening = onSignal(service);
  const stopWatching = watchParent(() => Deno.ppid, SYSTEM_CLOCK, report);
  try {
    await start(service, files);
    await service.served.drainBegun;
    await service.served.drained();
  } finally {
    stopWatching();
    // A signal that comes meanwhile must not cut off what is put in order at the end.
    await service.close();
    stopListening();
  }
  const { recordsReceived, recordsSent } = service.served.proxy.totals();
  logEvent("proxy", "info", "stopped", "all sessions are closed", { recordsReceived, recordsSent });
}

async function open(configuration: Configuration, report: ReportEvent): Promise<Service> {
  try {
    return await Service.open(configuration, report);
  } catch (error) {
    throw configurationFailure(configuration, error);
  }
}

/** Binds all addresses, or none; the listeners once the cluster has what they need. */
async function start(service: Service, files: Loaded["files"]): Promise<void> {
  const { served } = service;
  try {
    const { admin } = await service.start();
    service.follow(files);
    const listeners = await service.serve();
    if (listeners === undefined) return;
    logEvent("proxy", "info", "started", "the proxy is ready", {
      version: VERSION,
      mode: served.view.mode,
      listen: listeners.map(({ transport, address }) => `${transport} ${formatAddress(address)}`),
      collector: served.view.collector.address,
      profile: served.view.collector.profile,
      dialect: served.view.collector.dialect,
      admin: formatAddress(admin),
    });
  } catch (error) {
    await served.close();
    logEvent("proxy", "error", "start_failed", errorMessage(error));
    throw runFailure("", error);
  }
}

/** A plugin inside the proxy may leave a promise rejected, or throw in a timer: no reason to end every session. */
function goOnAfterErrors(report: ReportEvent): void {
  const tell = (reason: unknown) =>
    report({
      level: "error",
      event: "unexpected_error",
      message: "an unexpected error; the proxy keeps running",
      fields: { reason: errorStack(reason) },
    });
  onLateError(tell);
}

/**
 * Handles signals: the first SIGINT or SIGTERM drains, or joins a drain that was requested otherwise, as a preStop hook
 * does; the next closes; SIGHUP reloads. Returns a function that removes the handlers.
 */
function onSignal({ served, reloader }: Service): () => void {
  let isSecond = false;
  const end = (signal: Deno.Signal) => {
    if (isSecond) {
      logEvent("proxy", "warning", "stopping_at_once", `second signal (${signal}): open sessions are closed now`);
      void served.close();
      return;
    }
    isSecond = true;
    void served.drained(`${signal} received`);
  };
  const actions: [Deno.Signal, () => void][] = [["SIGINT", () => end("SIGINT")]];
  if (Deno.build.os !== "windows") {
    actions.push(["SIGTERM", () => end("SIGTERM")], ["SIGHUP", () => void reloader.reload("signal")]);
  }
  for (const [signal, action] of actions) Deno.addSignalListener(signal, action);
  return () => actions.forEach(([signal, action]) => Deno.removeSignalListener(signal, action));
}

function loggingOptions(configured: LoggingOptions): LoggingOptions {
  try {
    return overrideLogging(configured);
  } catch (error) {
    throw usageFailure(`error: ${errorMessage(error)}`, error);
  }
}
