// Views of a task and a container as tests of the endpoint need them.
import type { ContainerView, MetadataSource, TaskView } from "./port.ts";

export function testContainer(change: Partial<ContainerView> = {}): ContainerView {
  return {
    dockerId: "d".repeat(64),
    name: "web",
    dockerName: "ecs-shop-3-web-0a1b",
    image: "shop:3",
    imageId: `sha256:${"a".repeat(64)}`,
    desiredStatus: "RUNNING",
    knownStatus: "RUNNING",
    limits: { cpu: 128, memory: 64 },
    type: "NORMAL",
    ports: [{ containerPort: 80, protocol: "tcp", hostPort: 32768, hostIp: "0.0.0.0" }],
    labels: { "com.amazonaws.ecs.container-name": "web" },
    networks: [{ mode: "bridge", ipv4Addresses: ["172.17.0.2"] }],
    volumes: [],
    createdAt: Date.UTC(2026, 0, 1),
    startedAt: Date.UTC(2026, 0, 1, 0, 0, 1),
    ...change,
  };
}

export function testTask(change: Partial<TaskView> = {}): TaskView {
  return {
    cluster: "default",
    taskArn: "arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef",
    family: "shop",
    revision: "3",
    desiredStatus: "RUNNING",
    knownStatus: "RUNNING",
    containers: [],
    ...change,
  };
}

/** A source of one task, whose container has the id `m-1` and the task the address `10.64.0.9`. */
export function testSource(
  container: ContainerView,
  task: Partial<TaskView> = {},
  more: Partial<MetadataSource> = {},
): MetadataSource {
  const whole = testTask({ containers: [container], ...task });
  return {
    find: async (id) => (id === "m-1" ? { container, task: whole } : undefined),
    findByAddress: async (address) => (address === "10.64.0.9" ? whole : undefined),
    all: async () => [whole],
    stats: async () => undefined,
    tags: async () => ({ task: { tags: {} } }),
    ...more,
  };
}
