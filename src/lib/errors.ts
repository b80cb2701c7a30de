// The errors an API caller may see. The gateway gives them the shape of the caller's protocol at the edge.

export interface ServiceErrorOptions {
  /** HTTP status; 400 unless said otherwise. */
  readonly statusCode?: number;
  /** Further members of the error's shape, for instance `resourceIds` of ConflictException. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An answer that an operation refuses with: AWS's code and wording for that operation. */
export class ServiceError extends Error {
  readonly code: string;
  readonly statusCode: number;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: ServiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.statusCode = options.statusCode ?? 400;
    this.members = options.members ?? {};
  }
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
