// Valid task definitions of every shape that is honoured, for property tests.
import fc from "fast-check";
import type { ContainerDefinition, PortMapping, RegisterTaskDefinitionRequest } from "@aws-sdk/client-ecs";

/** One of the values, as an ordinary (mutable, widened) type. */
const oneOf = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom<T[]>(...values);
const text = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const healthCheck = fc.record(
  {
    command: oneOf(["CMD-SHELL", "true"], ["CMD", "/check", "now"]),
    interval: fc.integer({ min: 5, max: 300 }),
    timeout: fc.integer({ min: 2, max: 60 }),
    retries: fc.integer({ min: 1, max: 10 }),
    startPeriod: fc.integer({ min: 0, max: 300 }),
  },
  { requiredKeys: ["command"] },
);

const linuxParameters = fc.record(
  {
    capabilities: fc.record({ add: oneOf(["NET_ADMIN"]), drop: oneOf(["ALL"]) }),
    initProcessEnabled: fc.boolean(),
    sharedMemorySize: fc.integer({ min: 1, max: 64 }),
    tmpfs: oneOf([{ containerPath: "/tmp", size: 16 }]),
    swappiness: fc.integer({ min: 0, max: 100 }),
  },
  { requiredKeys: [] },
);

const container = (index: number, networkMode: string): fc.Arbitrary<ContainerDefinition> =>
  fc.record(
    {
      name: oneOf(`c${index}`),
      image: oneOf("nginx", "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1", "a.b:5000/x@sha256:00"),
      memory: fc.integer({ min: 128, max: 256 }),
      memoryReservation: fc.integer({ min: 4, max: 128 }),
      cpu: fc.integer({ min: 0, max: 2048 }),
      essential: oneOf(true),
      portMappings: ports(index, networkMode),
      environment: fc.array(fc.record({ name: text, value: fc.string() }), { maxLength: 3 }),
      command: fc.array(fc.string(), { maxLength: 2 }),
      entryPoint: fc.array(text, { maxLength: 2 }),
      mountPoints: oneOf([], [{ sourceVolume: "data", containerPath: "/data", readOnly: true }]),
      volumesFrom: oneOf([]),
      systemControls: oneOf([], [{ namespace: "net.core.somaxconn", value: "1024" }]),
      dockerLabels: fc.dictionary(text, fc.string(), { maxKeys: 3 }),
      ulimits: oneOf([], [{ name: "nofile" as const, softLimit: 1024, hardLimit: 2048 }]),
      extraHosts: oneOf([{ hostname: "db", ipAddress: "10.0.0.1" }]),
      dnsServers: oneOf(["10.0.0.2"]),
      user: text,
      workingDirectory: oneOf("/srv"),
      hostname: text,
      privileged: fc.boolean(),
      readonlyRootFilesystem: fc.boolean(),
      interactive: fc.boolean(),
      pseudoTerminal: fc.boolean(),
      startTimeout: fc.integer({ min: 2, max: 120 }),
      stopTimeout: fc.integer({ min: 2, max: 120 }),
      logConfiguration: oneOf(
        { logDriver: "json-file" as const },
        { logDriver: "json-file" as const, options: { "max-size": "1m" } },
        {
          logDriver: "awslogs" as const,
          options: {
            "awslogs-group": "/ecs/web",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "web",
          },
        },
      ),
      healthCheck,
      linuxParameters,
      restartPolicy: fc.record({ enabled: fc.boolean(), ignoredExitCodes: oneOf([0]) }),
      ...(index === 0 ? {} : { dependsOn: oneOf([{ containerName: "c0", condition: "START" as const }]) }),
    },
    { requiredKeys: ["name", "image", "memory"] },
  );

function ports(index: number, networkMode: string): fc.Arbitrary<PortMapping[]> {
  if (networkMode === "none") return oneOf([]);
  const containerPort = 8000 + index;
  return oneOf(
    [{ containerPort }],
    [{ containerPort, protocol: "udp" as const }],
    [{ containerPort, hostPort: networkMode === "host" ? containerPort : 0, name: `p${index}` }],
    [{ containerPort, hostPort: containerPort, protocol: "tcp" as const }],
  );
}

export const definitions: fc.Arbitrary<RegisterTaskDefinitionRequest> = fc
  .tuple(optional(oneOf("bridge" as const, "host" as const, "none" as const)), fc.integer({ min: 1, max: 3 }))
  .chain(([networkMode, count]) =>
    fc
      .record({
        family: text,
        containerDefinitions: fc.tuple(
          ...Array.from({ length: count }, (_, i) => container(i, networkMode ?? "bridge")),
        ),
        volumes: oneOf(
          [{ name: "data" }],
          [{ name: "data", host: {} }],
          [{ name: "data", dockerVolumeConfiguration: { driver: "local", labels: { a: "b" } } }],
        ),
        placementConstraints: optional(
          oneOf([{ type: "memberOf" as const, expression: "attribute:ecs.os-type == linux" }]),
        ),
        requiresCompatibilities: optional(oneOf(["EC2" as const])),
        cpu: optional(oneOf("256", "1 vCPU", ".25 vcpu", "12 vCPU")),
        memory: optional(oneOf("512", "0.5GB", "2 GB")),
        runtimePlatform: optional(
          oneOf({ cpuArchitecture: "X86_64" as const, operatingSystemFamily: "LINUX" as const }),
        ),
        enableFaultInjection: oneOf(undefined, false),
      })
      .map((rest) => ({ ...rest, networkMode })),
  );
