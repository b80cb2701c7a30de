// What a call means for policies: the actions that it needs and on which resources. Whatever cannot be told is refused, since an
// upstream would do it under another name than the one that was judged.
import type { Permission } from "../service-definition.ts";
import type { WireRequest } from "../wire-request.ts";

export interface Call {
  readonly request: Omit<WireRequest, "body">;
  /** Empty for a body that is streamed. */
  readonly body: Uint8Array;
  readonly region: string;
  readonly account: string;
}

export interface Meaning {
  /** For the log: `s3:GetObject`. */
  readonly action: string;
  /** Each with its action. */
  readonly permissions: readonly (Permission & { readonly action: string })[];
}

/** Why a call is not passed on. */
export class NotRouted extends Error {
  override readonly name = "NotRouted";
}
