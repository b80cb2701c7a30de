// One life of the control plane over one store: services, controllers and fleet, wired by constructor. `reset` ends it and
// begins another over an empty store.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { createDiscoveryController } from "#controllers/discovery/run.ts";
import { createFargateController } from "#controllers/fargate/run.ts";
import { createInstanceController } from "#controllers/instance/run.ts";
import { createLoadBalancerController } from "#controllers/loadbalancer/run.ts";
import { createNetworkInterfaceController } from "#controllers/network-interface/run.ts";
import { createPlacement } from "#controllers/placement/placement.ts";
import { createRetentionController } from "#controllers/retention/run.ts";
import type { CredentialIssuer } from "#domain/ports/credential-issuer.ts";
import { createSecurityGroupController } from "#controllers/security-groups/run.ts";
import { createServiceController } from "#controllers/service/run.ts";
import { createSilentHostController } from "#controllers/silent-hosts/run.ts";
import { createTaskController } from "#controllers/task/run.ts";
import type { InstanceRow, VpcRow } from "#domain/ec2/instance.ts";
import { createFleet, type Fleet } from "#fleet/fleet.ts";
import { createAuthorizer } from "#gateway/authorize.ts";
import { createGateway, type Gateway } from "#gateway/gateway.ts";
import { createGrants } from "#gateway/grants.ts";
import { createRoleCalls } from "#gateway/role-calls.ts";
import { createPolicyReader } from "#gateway/stored-policy.ts";
import { withPoolHosts } from "#gateway/pool-grants.ts";
import { createUpstreams } from "#gateway/upstream/upstreams.ts";
import { createIdentitySigner } from "#imds/identity.ts";
import { createImds, type Imds } from "#imds/imds.ts";
import { createEc2Service } from "#services/ec2/service.ts";
import { createEcsService } from "#services/ecs/service.ts";
import { createElbv2Service } from "#services/elbv2/service.ts";
import { createIamService } from "#services/iam/service.ts";
import { createLogsService } from "#services/logs/service.ts";
import { createServiceDiscoveryService } from "#services/servicediscovery/service.ts";
import { createStsService } from "#services/sts/service.ts";
import { screened } from "#store/screened.ts";
import type { Store } from "#store/store.ts";
import { instances, vpcs } from "#store/tables/ec2.ts";
import type { ServerConfig } from "./config.ts";
import type { EventBridge } from "./event-bridge.ts";
import { createIdentities } from "./identities.ts";
import { createLogDelivery } from "./log-delivery.ts";
import { openLogs } from "./open-logs.ts";
import type { Platform } from "./platform.ts";
import { createSecretServices } from "./secret-services.ts";
import type { RootCredentials, ServerKeys } from "./state-folder.ts";
import { upstreamCredentials } from "./upstream-credentials.ts";

/** This server as a load-balancer node: health and draining are stored for each. */
const NODE = "node-1";
/** How long an agent may be away before its instance shows agentConnected false. */
const AGENT_GRACE_MS = 10_000;

export interface RuntimeDependencies {
  readonly config: ServerConfig;
  /** Tells EventBridge's rules what its transactions change. */
  readonly store: Store;
  readonly eventBridge: EventBridge;
  readonly platform: Platform;
  readonly keys: ServerKeys;
  readonly root: RootCredentials;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where the events of log groups are kept. */
  readonly logsFolder: string;
}

export interface Runtime {
  readonly gateway: Gateway;
  readonly fleet: Fleet;
  readonly imds: Imds;
  readonly issuer: CredentialIssuer;
  /** Stops deciding and serving; hosts, containers and proxies go on. */
  close(): Promise<void>;
}

export async function startRuntime(dependencies: RuntimeDependencies): Promise<Runtime> {
  const { config, store, eventBridge, platform, keys, root, environment, clock, random, logger, logsFolder } =
    dependencies;
  const { account } = config;
  const base = { store, clock, random, logger, account };
  const nodes = () => [NODE];

  // What Fargate runs on is nobody's to see.
  const visible = screened(
    store,
    (table, row) =>
      (table === (instances as unknown) && (row as InstanceRow).fargate !== undefined) ||
      (table === (vpcs as unknown) && (row as VpcRow).isPool === true),
  );

  const identities = createIdentities({ ...base, sealingKey: keys.session, root });
  const identity = createIdentitySigner(keys.identity);
  const fleet = createFleet({
    ...base,
    issuer: identities.issuer,
    graceMs: AGENT_GRACE_MS,
    endpointFor: (vpcId) => platform.endpointFor(vpcId),
  });
  const placement = createPlacement({
    ...base,
    pool: {
      mostHosts: config.fargateHosts,
      runtime: config.fargateRuntime,
      ...(config.fargateCidr === undefined ? {} : { cidr: config.fargateCidr }),
    },
  });
  const loadBalancers = createLoadBalancerController({ ...base, nodeId: NODE, ...platform });
  const controllers = [
    // First: who starts after it finds the networks of a former life with the groups of today.
    createSecurityGroupController({ ...base, ...platform }),
    placement,
    loadBalancers,
    createInstanceController({
      ...base,
      compute: platform.compute,
      endpointFor: (vpcId: string) => platform.endpointFor(vpcId),
    }),
    createFargateController({ ...base, keepMs: config.fargateKeepMs }),
    createNetworkInterfaceController({ ...base, compute: platform.compute }),
    createDiscoveryController({ ...base, ...platform }),
    createTaskController({ ...base, nodes }),
    createServiceController({ ...base, placement, nodes, settings: { steadyAfterMs: config.steadyAfterMs } }),
    createRetentionController(base),
    ...(config.replaceTasksAfter === undefined
      ? []
      : [createSilentHostController({ ...base, replaceAfterMs: config.replaceTasksAfter })]),
  ];
  const logs = await openLogs({ folder: logsFolder, store, clock, logger });
  const secrets = createSecretServices({ ...base, sealingKey: keys.session });
  controllers.push(secrets.controller);
  const services = [
    createEcsService({
      ...base,
      placement,
      ingest: fleet.ingest,
      verifyIdentityDocument: (d, s) => identity.verify(d, s),
    }),
    createEc2Service({
      ...base,
      store: visible,
      consoleOutput: (id) => platform.compute.consoleOutput(id),
      defaultVpcCidr: config.defaultVpcCidr,
    }),
    createElbv2Service({ ...base, store: visible, proxy: loadBalancers }),
    createIamService({ ...base, sealer: identities.keySealer }),
    createLogsService({ ...base, logs: logs.store }),
    eventBridge.service,
    ...secrets.services,
    createServiceDiscoveryService(base),
    createStsService({
      ...base,
      sessions: identities.sessions,
      messages: identities.denials,
    }),
  ];
  const readPolicy = createPolicyReader();
  const authorizer = createAuthorizer({
    clock,
    grantsOf: withPoolHosts(account, readPolicy, createGrants(store, readPolicy)),
    readPolicy,
  });
  const roleCalls = createRoleCalls({
    reader: store,
    services,
    authorizer,
    account,
    clock,
    random,
    endpoint: `http://${config.host}:${config.port}`,
  });
  controllers.push(
    ...eventBridge.controllers({
      roleCalls,
      logs: createLogDelivery({ store, logs: logs.store, clock, random }),
    }),
  );
  const upstreams = createUpstreams({
    upstreams: config.upstream.map((setting) => ({
      ...setting,
      credentials: upstreamCredentials(setting, environment),
    })),
    services,
    credentials: identities.resolver,
    authorizer,
    account,
    clock,
    logger,
  });
  const gateway = createGateway({
    upstreams,
    services,
    credentials: identities.resolver,
    denials: identities.denials,
    authorizer,
    account,
    clock,
    random,
    logger,
  });
  const imds = createImds({
    ...base,
    issuer: identities.issuer,
    sign: (document: string) => identity.sign(document),
  });

  await fleet.start();
  for (const controller of controllers) await controller.start();
  return {
    gateway,
    fleet,
    imds,
    issuer: identities.issuer,
    async close() {
      for (const controller of controllers.reverse()) await controller.close();
      await fleet.close();
      await logs.close();
    },
  };
}
