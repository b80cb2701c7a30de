// The picture of the mission with real addresses: the load balancer, its instances, their tasks and ports. Pure.

export interface PictureTask {
  readonly id: string;
  readonly hostPort: number;
}

export interface PictureInstance {
  readonly id: string;
  readonly address: string;
  readonly zone: string;
  readonly tasks: readonly PictureTask[];
}

export function drawPicture(dnsName: string, port: number, instances: readonly PictureInstance[]): string {
  const lines = [`ALB  ${dnsName}:${port}`];
  instances.forEach((instance, i) => {
    const branch = i === instances.length - 1 ? "└─" : "├─";
    const tasks =
      instance.tasks.map((t) => `task ${t.id.slice(0, 8)} :${t.hostPort}`).join("   ") || "no task";
    lines.push(` ${branch} ${instance.id} (${instance.address}, ${instance.zone})  ${tasks}`);
  });
  return lines.join("\n");
}
