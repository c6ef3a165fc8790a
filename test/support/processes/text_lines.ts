/** Cuts text that comes in pieces into lines, without their ends. */
export class LineCutter {
  /** The start of a line whose end has not come yet. */
  rest = "";

  /** Returns the lines that this piece ends. */
  cut(text: string): string[] {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    return lines;
  }
}

/** The lines of a stream of octets, one by one. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, void> {
  const cutter = new LineCutter();
  for await (const text of stream.pipeThrough(new TextDecoderStream())) yield* cutter.cut(text);
  if (cutter.rest !== "") yield cutter.rest;
}
