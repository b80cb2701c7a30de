// Other machines as stored: the tokens by which they may join, and those that did. A token's row holds the public half of a key
// alone, so that what is stored lets nobody in. Keys: the public key.

/** What a machine becomes: an EC2 instance of ours, or one of ECS Anywhere's managed instances (`mi-…`, launch type EXTERNAL). */
export type MachineKind = "ec2" | "external";

export interface JoinTokenRow {
  /** Ed25519, 32 octets in base64url. */
  readonly publicKey: string;
  readonly kind: MachineKind;
  readonly region: string;
  readonly cluster: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** EC2: the type that it shall count as; the largest that the machine has room for when absent. */
  readonly instanceType?: string;
  /** EC2: of the default VPC when absent. */
  readonly subnetId?: string;
  readonly securityGroupIds?: readonly string[];
  /** EC2: the name of an instance profile. */
  readonly instanceProfile?: string;
  /** External: the ARN of the role that its credentials are of. */
  readonly roleArn?: string;
}

export interface MachineRow {
  /** Of the key that the machine made when it joined, by which it is known since. */
  readonly publicKey: string;
  readonly kind: MachineKind;
  /** `i-…` or `mi-…` */
  readonly id: string;
  readonly region: string;
  readonly cluster: string;
  readonly roleArn?: string;
  /** What the machine calls itself. */
  readonly hostname: string;
  readonly joinedAt: number;
}

export const isManagedInstance = (instanceId: string): boolean => /^mi-[0-9a-f]{17}$/.test(instanceId);
