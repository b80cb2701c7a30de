// Resource tags as stored: name → value.
export type Tags = Readonly<Record<string, string>>;
