/** A message, as far as its place among others goes. */
interface Placed {
  readonly sequenceNumber: number;
  readonly exportTime: number;
  readonly records: number;
  readonly certain: boolean;
}

/** How the exporter's numbers stood before a message. */
interface Before {
  readonly inclusive: boolean;
  readonly lastSequenceNumber: number;
  readonly lastRecords: number;
  readonly isCertain: boolean;
}

interface Missing {
  readonly start: number;
  readonly end: number;
  readonly records: number;
  readonly since: number;
}

/**
 * Which messages over UDP come late, by the book: what is missing may come within 10 seconds of the exporter's clock,
 * in parts, or before the first message, where nobody knows what is missing. Four stretches are waited for at a time.
 */
export class ReferenceLateness {
  #missing: Missing[];
  #newest: number;
  #stray: number | undefined;
  #gaps = 0;

  /** Begins with the first message of the domain. */
  constructor({ sequenceNumber, exportTime }: Placed) {
    this.#newest = exportTime;
    this.#missing = [{ start: 0, end: sequenceNumber, records: Infinity, since: exportTime }];
  }

  takeGaps(): number {
    const gaps = this.#gaps;
    this.#gaps = 0;
    return gaps;
  }

  /** Returns whether a message changes nothing of what is expected next. */
  note({ sequenceNumber, exportTime, records, certain }: Placed, before: Before): boolean {
    const next = (before.lastSequenceNumber + before.lastRecords) >>> 0;
    const ownNext = (before.lastSequenceNumber + records) >>> 0;
    const [start, ahead] = before.inclusive
      ? [before.lastSequenceNumber, (sequenceNumber - ownNext) | 0]
      : [next, (sequenceNumber - next) | 0];
    const goesOn = sequenceNumber === next || sequenceNumber === ownNext;
    if (goesOn || ahead > 0) {
      const isOld = ({ since }: Missing) => Math.abs((exportTime - since) | 0) >= 10;
      while (this.#missing[0] !== undefined && isOld(this.#missing[0])) this.#giveUp();
      if (!goesOn && before.isCertain) {
        if (this.#missing.length === 4) this.#giveUp();
        this.#missing.push({ start, end: sequenceNumber, records: ahead, since: exportTime });
      }
      return this.#goOn(exportTime);
    }
    if (((exportTime - this.#newest) | 0) > 0) {
      // What follows a message from before shows that the exporter began anew with that one, which is a gap already.
      if (this.#stray !== sequenceNumber) this.#gaps++;
      return this.#goOn(exportTime);
    }
    const place = this.#missing.findIndex(({ end }) => {
      const beyond = (end - sequenceNumber) | 0;
      return beyond > 0 || (beyond === 0 && before.inclusive);
    });
    const found = this.#missing[place];
    if (found !== undefined) {
      const left = found.records - records;
      if (found.records === Infinity) return true;
      this.#missing.splice(place, 1, ...(certain && left > 0 ? [{ ...found, records: left }] : []));
      return true;
    }
    if (records === 0) return true;
    if (this.#stray === sequenceNumber) return this.#goOn(exportTime);
    this.#gaps++;
    this.#stray = (sequenceNumber + records) >>> 0;
    return true;
  }

  #giveUp(): void {
    const oldest = this.#missing.shift();
    if (oldest?.records !== Infinity) this.#gaps++;
  }

  #goOn(exportTime: number): false {
    this.#newest = exportTime;
    this.#stray = undefined;
    return false;
  }
}
