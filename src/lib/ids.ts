// The shapes of AWS's ids. Chance comes in as a Random.
import type { Random } from "./random.ts";

/** ECS tasks, container instances, containers: 32 hexadecimal digits. */
export const newHexId = (random: Random): string => random.hex(32);

/** EC2 style: `i-`, `eni-`, `r-` … followed by 17 hexadecimal digits. */
export const newEc2Id = (prefix: string, random: Random): string => `${prefix}-${random.hex(17)}`;

/** Load balancers and target groups: 16 hexadecimal digits. */
export const newElbId = (random: Random): string => random.hex(16);

/** ECS deployments and service revisions: 19 digits. */
export const newDeploymentNumber = (random: Random): string => random.digits(19);

/** Of a network interface: locally administered, as EC2's are. */
export const newMacAddress = (random: Random): string =>
  ["02", ...(random.hex(10).match(/../g) ?? [])].join(":");
