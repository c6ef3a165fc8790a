/** Real gRPC peers of another implementation, as child processes: an Agent and an Aggregator as far as flows go. */
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { z } from "zod";
import { type Flow, FlowSchema } from "../../../src/proxy/transport/grpc/flow/flow_export_pb.ts";
import { buildGrpcPeer } from "../peers/build.ts";
import { LineProcess } from "../../support/processes/line_process.ts";
import { type Identity, lineOf, listeningSchema } from "../peers/peers.ts";

const answerSchema = z.strictObject({
  sent: z.number(),
  /** Name of a gRPC code, where the stream is over. */
  status: z.string().optional(),
  message: z.string().optional(),
  error: z.string().optional(),
});

/** What became of a command. */
export type Answer = z.infer<typeof answerSchema>;

/** What an exporter is asked to do; see `command` in source/export.go. */
export interface Command {
  readonly stream?: number;
  readonly flows?: readonly Flow[];
  readonly request?: Uint8Array;
  readonly times?: number;
  readonly end?: boolean;
  readonly cancel?: boolean;
  readonly open?: number;
  readonly reconnect?: boolean;
  readonly wait?: boolean;
  readonly gzip?: boolean;
}

async function start(args: readonly string[], identity: Partial<Identity>): Promise<LineProcess> {
  const files = Object.entries(identity).flatMap(([name, file]) => [`--${name}`, file]);
  return new LineProcess(await buildGrpcPeer(), [...args, ...files]);
}

/** An exporter of flows: one connection, and streams by number. */
export class FlowExporter implements AsyncDisposable {
  #asked = 0;

  private constructor(readonly process: LineProcess) {}

  static async start(collector: string, identity: Partial<Identity>, serverName = "127.0.0.1"): Promise<FlowExporter> {
    return new FlowExporter(
      await start(["export", "--collector", collector, "--server-name", serverName], identity),
    );
  }

  /** Carries one command out, and waits until that is done. */
  async ask(command: Command): Promise<Answer> {
    const answer = this.begin(command);
    await answer.written;
    return await answer.done();
  }

  /** Begins one command. */
  begin({ flows, request, ...rest }: Command): { written: Promise<void>; done: () => Promise<Answer> } {
    const line = this.#asked++;
    const json = {
      ...rest,
      ...(flows === undefined ? {} : { flows: flows.map((flow) => toJson(FlowSchema, flow)) }),
      ...(request === undefined ? {} : { request: request.toBase64() }),
    };
    const written = this.process.write(JSON.stringify(json));
    return { written, done: async () => answerSchema.parse(await lineOf(this.process, line, "exporter")) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
  }
}

const receivedSchema = z.strictObject({ flow: z.unknown(), request: z.number(), certificate: z.string() });

/** A flow as a collector took it. */
export interface ReceivedFlow {
  readonly flow: Flow;
  /** Which request of its stream it was in. */
  readonly request: number;
  /** Name in the exporter's certificate. */
  readonly certificate: string;
}

/** A collector of flows. */
export class FlowCollector implements AsyncDisposable {
  private constructor(readonly process: LineProcess, readonly address: string) {}

  /** @param onlyCount it prints no flows, and is asked how many there were */
  static async start(identity: Identity, { address = "127.0.0.1:0", onlyCount = false } = {}): Promise<FlowCollector> {
    const process = await start(["collect", "--address", address, ...(onlyCount ? ["--count"] : [])], identity);
    const first = listeningSchema.parse(await lineOf(process, 0, "collector of flows"));
    return new FlowCollector(process, first.listening);
  }

  /** How many flows it has taken. */
  get count(): number {
    return this.process.stdout.length - 1;
  }

  get received(): ReceivedFlow[] {
    return this.process.stdout.slice(1).map((line) => {
      const { flow, ...rest } = receivedSchema.parse(JSON.parse(line));
      return { ...rest, flow: fromJson(FlowSchema, flow as JsonValue) };
    });
  }

  /** Reads no more, or goes on. */
  async pause(pause: boolean): Promise<void> {
    await this.process.write(JSON.stringify({ pause }));
  }

  /** How many flows one that prints none has taken. */
  async ask(): Promise<number> {
    const line = this.process.stdout.length;
    await this.process.write(JSON.stringify({ count: true }));
    return z.object({ count: z.number() }).parse(await lineOf(this.process, line, "collector of flows")).count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
  }
}

const attackedSchema = z.strictObject({ attack: z.string(), times: z.number(), ended: z.string() });

/** Does what no good client does, so many times or until it is let no more, on connections of its own. */
export async function attack(
  collector: string,
  identity: Identity,
  name: string,
  times: number,
  connections = 1,
): Promise<z.infer<typeof attackedSchema>> {
  await using process = await start(["attack", "--collector", collector, "--server-name", "127.0.0.1"], identity);
  await process.write(JSON.stringify({ attack: name, times, connections }));
  return attackedSchema.parse(await lineOf(process, 0, `attack ${name}`));
}
