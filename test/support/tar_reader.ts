/**
 * Reads tar archives (POSIX ustar), so that no test needs the tool. Written from the standard, not from what writes
 * them here.
 */
import assert from "node:assert/strict";

/** A file in an archive. */
export interface TarFile {
  readonly octets: Uint8Array;
  /** Seconds since 1970. */
  readonly modified: number;
}

const BLOCK = 512;

/**
 * Returns the files of an archive by name. Fails where a header breaks the standard, or the archive does not end as it
 * must.
 */
export function readTar(archive: Uint8Array): ReadonlyMap<string, TarFile> {
  assert.equal(archive.length % BLOCK, 0, "whole blocks");
  const files = new Map<string, TarFile>();
  for (let at = 0;;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((octet) => octet === 0)) {
      const rest = archive.subarray(at);
      assert.ok(rest.length >= 2 * BLOCK && rest.every((octet) => octet === 0), "two blocks of zeros at the end");
      return files;
    }
    assert.equal(text(header, 257, 6), "ustar", "magic");
    assert.equal(text(header, 263, 2), "00", "version");
    // The checksum counts its own field as spaces.
    const sum = header.reduce((sum, octet, index) => sum + (index >= 148 && index < 156 ? 32 : octet), 0);
    assert.equal(octal(header, 148, 8), sum, "checksum");
    assert.equal(text(header, 156, 1), "0", "a regular file");
    const size = octal(header, 124, 12);
    const begin = at + BLOCK;
    assert.ok(begin + size <= archive.length, "the whole file");
    files.set(text(header, 0, 100), { octets: archive.slice(begin, begin + size), modified: octal(header, 136, 12) });
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/** A text up to its first zero octet. */
function text(header: Uint8Array, offset: number, length: number): string {
  return new TextDecoder().decode(header.subarray(offset, offset + length)).replace(/\0.*$/s, "");
}

function octal(header: Uint8Array, offset: number, length: number): number {
  const digits = text(header, offset, length).trim();
  assert.match(digits, /^[0-7]+$/);
  return parseInt(digits, 8);
}
