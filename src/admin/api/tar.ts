/** A file in an archive. */
export interface TarFile {
  readonly name: string;
  readonly octets: Uint8Array;
}

/** Octets of a block: a header takes one, and contents are padded to whole blocks. */
const BLOCK = 512;

/**
 * Returns a tar archive (POSIX ustar) of the files, which any `tar x` can unpack.
 *
 * @param time the modification time of all files
 * @throws RangeError for a name that is not 1 to 100 ASCII characters
 */
export function tar(files: readonly TarFile[], time: Date): Uint8Array<ArrayBuffer> {
  const blocks = files.reduce((sum, { octets }) => sum + 1 + Math.ceil(octets.length / BLOCK), 2);
  const archive = new Uint8Array(blocks * BLOCK);
  let at = 0;
  for (const { name, octets } of files) {
    writeHeader(archive.subarray(at, at + BLOCK), name, octets.length, time);
    archive.set(octets, at + BLOCK);
    at += (1 + Math.ceil(octets.length / BLOCK)) * BLOCK;
  }
  return archive;
}

function writeHeader(header: Uint8Array, name: string, length: number, time: Date): void {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new RangeError(`cannot write a file into an archive as "${name}"`);
  const encoder = new TextEncoder();
  const put = (offset: number, text: string) => encoder.encodeInto(text, header.subarray(offset));
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  put(0, name);
  put(100, octal(0o644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(length, 11));
  put(136, octal(Math.floor(time.getTime() / 1000), 11));
  // The checksum is computed with spaces in its own field.
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\0" + "00");
  const sum = header.reduce((total, octet) => total + octet, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
}
