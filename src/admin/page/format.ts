/** Made when the first page is rendered, because its tables take 5 MB. */
let format: Intl.NumberFormat | undefined;

/** `12,345` */
export function number(value: number): string {
  return (format ??= new Intl.NumberFormat("en")).format(value);
}

/** `1 record`, `2,000 records`. */
export function count(amount: number, what: string): string {
  return `${number(amount)} ${what}${amount === 1 ? "" : "s"}`;
}

/** `2026-01-01 00:00:30 UTC` */
export function clock(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `30 s`, `5 min`, `2 h 5 min`, `3 d 4 h` */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
