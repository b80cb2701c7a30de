// What exists from the first start: the default VPC of the configured region, and the role and instance profile with which
// container instances join clusters (ECS Developer Guide, "Amazon ECS container instance IAM role"). Safe twice.
import type { Clock } from "#lib/clock.ts";
import { formatArn } from "#lib/arn.ts";
import type { Random } from "#lib/random.ts";
import { newInstanceProfile, newRole } from "#domain/iam/records.ts";
import { ensureDefaultVpc } from "#services/ec2/default-vpc.ts";
import type { Store } from "#store/store.ts";
import { instanceProfiles, roles } from "#store/tables/iam.ts";
import type { ServerConfig } from "./config.ts";

const NAME = "ecsInstanceRole";
const POLICY = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role";
const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

export interface InitialRowsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly config: ServerConfig;
}

/** A role or profile that somebody changed is left as it is; one that was deleted comes back with the next start. */
export async function ensureInitialRows({ store, clock, random, config }: InitialRowsParts): Promise<void> {
  const { account, region, defaultVpcCidr } = config;
  await ensureDefaultVpc({ store, random, defaultVpcCidr }, region);
  const arn = (resource: string) => formatArn({ service: "iam", region: "", account, resource });
  const named = (kind: string) => ({ name: NAME, path: "/", arn: arn(`${kind}/${NAME}`), tags: {} });
  await store.transact((tx) => {
    if (tx.get(roles, NAME) === undefined) {
      const made = newRole({ ...named("role"), assumeRolePolicyDocument: TRUST }, random, clock.now());
      tx.put(roles, NAME, {
        ...made,
        description: "Lets container instances join clusters.",
        attachedPolicies: [POLICY],
      });
    }
    if (tx.get(instanceProfiles, NAME) === undefined) {
      const made = newInstanceProfile(named("instance-profile"), random, clock.now());
      tx.put(instanceProfiles, NAME, { ...made, roleNames: [NAME] });
    }
  });
}
