// Every table of the server, in one list: what the store loads at its start.
import type { Table } from "#store/store.ts";
import * as ec2 from "#store/tables/ec2.ts";
import * as ecs from "#store/tables/ecs.ts";
import * as elbv2 from "#store/tables/elbv2.ts";
import * as events from "#store/tables/events.ts";
import * as iam from "#store/tables/iam.ts";
import * as kms from "#store/tables/kms.ts";
import * as logs from "#store/tables/logs.ts";
import * as join from "#store/tables/join.ts";
import * as secretsmanager from "#store/tables/secretsmanager.ts";
import * as servicediscovery from "#store/tables/servicediscovery.ts";
import * as ssm from "#store/tables/ssm.ts";

export const allTables: readonly Table<never>[] = [
  ec2,
  ecs,
  elbv2,
  events,
  iam,
  logs,
  join,
  kms,
  secretsmanager,
  servicediscovery,
  ssm,
].flatMap((group) => Object.values(group) as Table<never>[]);
