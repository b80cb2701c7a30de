// The filter pattern language of CloudWatch Logs (User Guide, "Filter pattern syntax"): a pattern to a test of messages.
import { BadPattern } from "./bad-pattern.ts";
import type { Filter } from "./filter.ts";
import { parseFields } from "./fields.ts";
import { parseJsonPattern } from "./json.ts";
import { parseTerms } from "./terms.ts";

const MOST_CHARACTERS = 1024;

/** An empty pattern matches every message. @throws BadPattern in words for its author */
export function parseFilterPattern(pattern: string): Filter {
  if (pattern.length > MOST_CHARACTERS)
    throw new BadPattern(`A filter pattern may have ${MOST_CHARACTERS} characters.`);
  const text = pattern.trim();
  if (text.startsWith("{")) return parseJsonPattern(text);
  if (text.startsWith("[")) return parseFields(text);
  return parseTerms(text);
}
