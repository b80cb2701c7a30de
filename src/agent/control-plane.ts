// The port to the control plane: API calls, and the two channels on which it speaks. HTTP and websockets fill it
// (http-control-plane.ts); in simulation it is the control plane's own process.
import type { Duplex } from "#acs/duplex.ts";
import type { AgentQuery } from "#acs/upgrade-query.ts";

/** The control plane refused a call, or could not be asked. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  /** AWS's error code; `Unreachable` when no answer came. */
  readonly code: string;
  /** HTTP's, when an answer came. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;

  constructor(
    code: string,
    message: string,
    answer: { readonly status?: number; readonly requestId?: string } = {},
  ) {
    super(message);
    this.code = code;
    this.status = answer.status;
    this.requestId = answer.requestId;
  }
}

export interface ControlPlane {
  /** An operation of the ECS API by its name, for instance `SubmitTaskStateChange`. @throws CallFailed */
  call(
    operation: string,
    input: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** Opens the channel that `query` names (DiscoverPollEndpoint first, if need be). @throws CallFailed, ConnectionRefused */
  open(query: AgentQuery): Promise<Duplex>;
}
