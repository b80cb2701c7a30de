// What a machine that joined is told about itself: what it is, and all that it needs to be it. Secrets are in it, so it travels
// sealed for that machine (lib/sealed-call.ts).
import type { HostSpec } from "#compute/port.ts";
import type { ExternalAnswer, GoneAnswer } from "#domain/join/answer.ts";
import type { MachineTunnel } from "#domain/ec2/instance.ts";

export interface Ec2Answer {
  readonly state: "joined";
  readonly kind: "ec2";
  readonly id: string;
  readonly cluster: string;
  readonly host: HostSpec;
  readonly vpcCidr: string;
  readonly tunnel: MachineTunnel & { readonly port: number };
}

export type MachineAnswer = ExternalAnswer | Ec2Answer | GoneAnswer;

/** How a machine introduces itself. The addresses are those of the connection, which the server compares with its own view. */
export interface MachineCall {
  /** The machine's and the server's end. */
  readonly address: string;
  readonly peer: string;
  /** It is a host no longer, and says so. */
  readonly leaves?: boolean;
}

export interface JoinCall extends MachineCall {
  /** Of the key by which the machine shall be known from now on. */
  readonly publicKey: string;
  readonly hostname: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
}
