// Which segments of a group become one: neighbours of a like size, so that each event is rewritten a few times at most and the
// number of segments grows with the logarithm of what is stored.

/** So many neighbours of one size make the next size. */
const FAN_IN = 8;
/** The smallest size; each further one is FAN_IN times as large. */
const SMALLEST = 256 * 1024;
/** What is larger stays as it is. */
const LARGEST = 128 * 1024 * 1024;

const sizeClass = (bytes: number): number =>
  bytes <= SMALLEST ? 0 : Math.ceil(Math.log(bytes / SMALLEST) / Math.log(FAN_IN));

/** `segments` in the order of their sequences. The neighbours to merge, or undefined when all is well. */
export function chooseMerge<S extends { readonly bytes: number }>(
  segments: readonly S[],
): readonly S[] | undefined {
  for (let from = 0; from + FAN_IN <= segments.length; from++) {
    const neighbours = segments.slice(from, from + FAN_IN);
    const classes = neighbours.map((s) => sizeClass(s.bytes));
    const total = neighbours.reduce((sum, s) => sum + s.bytes, 0);
    if (classes.every((c) => c === classes[0]) && total <= LARGEST) return neighbours;
  }
  return undefined;
}
