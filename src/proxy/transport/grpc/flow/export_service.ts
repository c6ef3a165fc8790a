import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { FlowExportService } from "./flow_export_pb.ts";

/** Requests and responses are left as octets. Flows are decoded one at a time, when there is room for them. */
type ExportMethod = MethodDefinition<Uint8Array, Uint8Array>;

const asBuffer = (octets: Uint8Array) => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
const asOctets = (buffer: Buffer): Uint8Array => buffer;

/** `Export` as @grpc/grpc-js takes it: a stream of requests, one response at its end. */
export const EXPORT: ExportMethod = {
  path: `/${FlowExportService.typeName}/${FlowExportService.method.export.name}`,
  requestStream: true,
  responseStream: false,
  requestSerialize: asBuffer,
  requestDeserialize: asOctets,
  responseSerialize: asBuffer,
  responseDeserialize: asOctets,
};

/** The service, which has this one method. */
export const EXPORT_SERVICE: ServiceDefinition = { export: EXPORT };

/** An `ExportResponse`, which has no fields. */
export const EXPORT_RESPONSE = new Uint8Array(0);

/** Maximum request size in octets: the default of Go's gRPC library, which Aggregators use. */
export const LARGEST_REQUEST: number = 4 * 1024 * 1024;
