/** Entries of a segment, by their ascending numbers, each with its weight of 1 to 255. */
export interface Postings {
  readonly numbers: number[];
  readonly weights: number[];
}

/** The gaps between numbers as varints, a byte of weight behind each: 2 to 3 bytes an entry. */
export function packPostings({ numbers, weights }: Postings): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 6);
  let at = 0;
  let before = 0;
  for (const [i, number] of numbers.entries()) {
    let gap = number - before;
    before = number;
    while (gap > 127) {
      bytes[at++] = (gap & 127) | 128;
      gap >>>= 7;
    }
    bytes[at++] = gap;
    bytes[at++] = weights[i] ?? 1;
  }
  return bytes.slice(0, at);
}

/** Tells each entry of a packed list with its weight. */
export function eachPosting(packed: Uint8Array, tell: (number: number, weight: number) => void): void {
  let number = 0;
  for (let at = 0; at < packed.length; at++) {
    let byte = packed[at] ?? 0;
    let gap = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = packed[++at] ?? 0;
      gap |= (byte & 127) << shift;
    }
    number += gap;
    tell(number, packed[++at] ?? 1);
  }
}
