import { Command } from "commander";
import { type AdminServer, startAdmin } from "../admin/start_admin.ts";
import type { Configuration } from "../config/configuration.ts";
import type { SocketAddress } from "../config/socket_address.ts";
import { configureLogging, logEvent, type LoggingOptions, overrideLogging } from "../logging.ts";
import { formatAddress } from "../proxy/address.ts";
import type { ReportEvent } from "../proxy/proxy_event.ts";
import { TlsEndpoints } from "./tls_files.ts";
import { VERSION } from "../version.ts";
import { messageOf, runFailure, usageFailure } from "./command_failure.ts";
import { configurationOption } from "./configuration.ts";
import { ServedProxy, type ServedProxyOptions, servedProxyOptions, unavailable } from "./served_proxy.ts";

const DEFAULT_CONFIGURATION = "config/proxy.yaml";

export function serveCommand(): Command {
  return new Command("serve")
    .summary("run the proxy")
    .description(
      "Takes the messages of exporters and gives them to the collector as it expects them, until SIGINT or SIGTERM: then it " +
        "accepts no more, lets the sessions end and is done. A second signal ends it at once.",
    )
    .option("-c, --config <file>", "configuration", DEFAULT_CONFIGURATION)
    .action(serve);
}

async function serve({ config }: { readonly config: string }): Promise<void> {
  const configuration = await configurationOption(config);
  const missing = unavailable(configuration);
  if (missing.length > 0) throw usageFailure(missing.map((what) => `${config}: ${what}`).join("\n"));
  configureLogging(loggingOptions(configuration.log));
  const report: ReportEvent = ({ level, event, message, fields }) => logEvent("proxy", level, event, message, fields);
  const endpoints = new TlsEndpoints(report);
  try {
    await run(new ServedProxy(await options(configuration, endpoints), report), configuration);
  } finally {
    endpoints.close();
  }
}

async function options(configuration: Configuration, endpoints: TlsEndpoints): Promise<ServedProxyOptions> {
  try {
    return await servedProxyOptions(configuration, endpoints);
  } catch (error) {
    throw usageFailure(`${configuration.file}: ${messageOf(error)}`, error);
  }
}

async function run(served: ServedProxy, configuration: Configuration): Promise<void> {
  const stopListening = onSignal(served);
  try {
    const admin = await start(served, configuration.admin.address);
    try {
      await served.drainBegun;
      await served.drained();
    } finally {
      await admin.close();
    }
  } finally {
    stopListening();
  }
  const { recordsReceived, recordsSent } = served.view.totals();
  logEvent("proxy", "info", "stopped", "every session is closed", { recordsReceived, recordsSent });
}

/** Binds everything or nothing. */
async function start(served: ServedProxy, address: SocketAddress): Promise<AdminServer> {
  try {
    const listeners = await served.start();
    const admin = startAdmin(served.view, address);
    logEvent("proxy", "info", "started", "the proxy is ready", {
      version: VERSION,
      mode: served.view.mode,
      listen: listeners.map(({ transport, address }) => `${transport} ${formatAddress(address)}`),
      collector: served.view.collector.address,
      profile: served.view.collector.profile,
      dialect: served.view.collector.dialect,
      admin: formatAddress(admin),
    });
    return admin;
  } catch (error) {
    await served.close();
    logEvent("proxy", "error", "start_failed", messageOf(error));
    throw runFailure("", error);
  }
}

/** The first SIGINT or SIGTERM drains, the next one closes. Gives the function that stops listening. */
function onSignal(served: ServedProxy): () => void {
  const listen = (signal: "SIGINT" | "SIGTERM") => {
    const listener = () => {
      if (served.view.draining) {
        logEvent("proxy", "warning", "stopping_at_once", `${signal} came again: what is under way is given up`);
        void served.close();
        return;
      }
      logEvent("proxy", "info", "draining", `${signal} came: no more sessions, those that are open may end`);
      void served.drained();
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  };
  const stops = (Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const).map(listen);
  return () => stops.forEach((stop) => stop());
}

function loggingOptions(configured: LoggingOptions): LoggingOptions {
  try {
    return overrideLogging(configured);
  } catch (error) {
    throw usageFailure(`error: ${messageOf(error)}`, error);
  }
}
