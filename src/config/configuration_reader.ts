import { dirname } from "node:path";
import type { z } from "zod";
import type { ConfiguredCertificates } from "./configuration.ts";
import type { Mistake, Path } from "./yaml/mistake.ts";
import { pathFrom } from "./profiles/profiles.ts";
import { cannotRead, type ReadTextFile } from "../text_file.ts";
import { type Checked, checkSchema } from "./yaml/schema_mistakes.ts";
import type { YamlDocument } from "./yaml/yaml_document.ts";

/** One reading of a configuration file: collects mistakes and the files that it depends on. */
export class ConfigurationReader {
  readonly mistakes: Mistake[] = [];
  readonly files = new Set<string>();
  readonly certificates: ConfiguredCertificates[] = [];
  /** What may not be as it is meant. */
  readonly warnings: string[] = [];
  /** The directory that relative paths in the file start from. */
  readonly directory: string;
  /** Reads a file and records that the configuration depends on it, even where it does not exist yet. */
  readonly readTextFile: ReadTextFile;

  /** @param now the time at which certificates have to be valid */
  constructor(readonly document: YamlDocument, readTextFile: ReadTextFile, readonly now = new Date()) {
    this.directory = dirname(document.file);
    this.readTextFile = (path) => {
      this.files.add(path);
      return readTextFile(path);
    };
  }

  mistake(path: Path, message: string, at: "value" | "key" = "value"): void {
    this.mistakes.push(this.document.mistake(path, message, at));
  }

  check<Value>(schema: z.ZodType<Value>, path: Path, value: unknown = this.document.valueAt(path)): Checked<Value> {
    return checkSchema(schema, this.document, path, this.mistakes, value);
  }

  /**
   * Checks a map and returns the keys without mistakes, so that they can be checked further even where others are
   * wrong.
   */
  checkParts<Shape extends z.ZodRawShape>(
    schema: z.ZodObject<Shape>,
    path: Path,
    value: unknown = this.document.valueAt(path),
  ) {
    const partial = schema.partial();
    const whole = schema.safeParse(value);
    if (whole.success) return partial.safeParse(value).data;
    this.check(schema, path, value);
    if (typeof value !== "object" || value === null) return undefined;
    const wrong = new Set(whole.error.issues.map((issue) => issue.path[0]));
    const right = Object.entries(value).filter(([key]) => Object.hasOwn(schema.shape, key) && !wrong.has(key));
    return partial.safeParse(Object.fromEntries(right)).data;
  }

  /** Resolves a path that the file names. */
  path(given: string): string {
    return pathFrom(this.directory, given);
  }

  /** Reads a file; undefined, with a mistake, where it cannot be read. */
  read(path: string, at: Path): string | undefined {
    try {
      return this.readTextFile(path);
    } catch (error) {
      this.mistake(at, cannotRead(path, error));
      return undefined;
    }
  }
}
