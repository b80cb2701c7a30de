// What a filter pattern is refused with: words for its author.

export class BadPattern extends Error {
  override readonly name = "BadPattern";
}
