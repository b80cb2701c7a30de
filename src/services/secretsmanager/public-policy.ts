// Whether a resource policy lets everybody in (BlockPublicPolicy): an Allow for any principal that no condition narrows.

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Condition?: unknown;
}

/** The policy has been read as one before. */
export function isPublic(policy: string): boolean {
  const { Statement: given } = JSON.parse(policy) as {
    readonly Statement?: Statement | readonly Statement[];
  };
  const statements = [given ?? []].flat() as readonly Statement[];
  return statements.some(
    ({ Effect: effect, Principal: principal, NotPrincipal: others, Condition: condition }) =>
      effect === "Allow" && condition === undefined && (others !== undefined || isEverybody(principal)),
  );
}

function isEverybody(principal: unknown): boolean {
  if (principal === "*") return true;
  const aws = (principal as { readonly AWS?: unknown } | undefined)?.AWS;
  return [aws].flat().includes("*");
}
