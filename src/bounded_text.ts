/**
 * Reads a text that another program sends, up to so many octets.
 *
 * @param tooLong the message of the error for a longer one
 * @throws Error with that message, once that many have come
 */
export async function boundedText(
  octets: AsyncIterable<Uint8Array>,
  most: number,
  tooLong: string,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const piece of octets) {
    length += piece.length;
    if (length > most) throw new Error(tooLong);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
