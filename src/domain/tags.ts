// Resource tags as stored: name → value.
export type Tags = Readonly<Record<string, string>>;

/** The row with other tags: TagResource, UntagResource. */
export const withTags = <R extends { readonly tags: Tags }>(row: R, tags: Tags): R => ({ ...row, tags });
