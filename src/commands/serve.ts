import { Command } from "commander";
import type { Configuration } from "../config/configuration.ts";
import { configureLogging, logEvent, type LoggingOptions, overrideLogging } from "../logging.ts";
import { formatAddress } from "../proxy/transport/address.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import { VERSION } from "../version.ts";
import { runFailure, usageFailure } from "./command_line/command_failure.ts";
import { errorMessage } from "../error_message.ts";
import { configurationFailure, orUsageFailure } from "./command_line/command_options.ts";
import { loadWatched } from "../service/reloader.ts";
import { Service } from "../service/service.ts";

const DEFAULT_CONFIGURATION = "config/proxy.yaml";

export function serveCommand(): Command {
  return new Command("serve")
    .summary("run the proxy")
    .description(
      "Takes the messages of exporters and gives them to the collector as it expects them, until SIGINT or SIGTERM: then it " +
        "accepts no more, lets the sessions end and is done. A second signal ends it at once. Its configuration is read again when " +
        "one of the files changes, at SIGHUP, and at POST /api/reload: what is wrong changes nothing.",
    )
    .option("-c, --config <file>", "configuration", DEFAULT_CONFIGURATION)
    .action(serve);
}

async function serve({ config }: { readonly config: string }): Promise<void> {
  const { configuration, files } = await loadWatched(config);
  if (configuration instanceof Error) throw orUsageFailure(configuration);
  configureLogging(loggingOptions(configuration.log));
  const report: ReportEvent = ({ level, event, message, fields }) => logEvent("proxy", level, event, message, fields);
  const service = await open(configuration, report);
  const stopListening = onSignal(service);
  try {
    await start(service);
    await service.follow(files);
    await service.served.drainBegun;
    await service.served.drained();
  } finally {
    stopListening();
    await service.close();
  }
  const { recordsReceived, recordsSent } = service.served.view.totals();
  logEvent("proxy", "info", "stopped", "every session is closed", { recordsReceived, recordsSent });
}

async function open(configuration: Configuration, report: ReportEvent): Promise<Service> {
  try {
    return await Service.open(configuration, report);
  } catch (error) {
    throw configurationFailure(configuration, error);
  }
}

/** Binds everything or nothing. */
async function start(service: Service): Promise<void> {
  const { served } = service;
  try {
    const { listeners, admin } = await service.start();
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

/** The first SIGINT or SIGTERM drains, the next one closes; SIGHUP reloads. Gives the function that stops listening. */
function onSignal({ served, reloader }: Service): () => void {
  const end = (signal: Deno.Signal) => {
    if (served.view.draining) {
      logEvent("proxy", "warning", "stopping_at_once", `${signal} came again: what is under way is given up`);
      void served.close();
      return;
    }
    logEvent("proxy", "info", "draining", `${signal} came: no more sessions, those that are open may end`);
    void served.drained();
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
