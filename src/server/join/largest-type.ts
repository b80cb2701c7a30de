// As which instance type a machine counts when nobody says: the one that leaves least of it unused. Pure.
import { instanceTypes, type InstanceType } from "#domain/ec2/instance-types.ts";

/** Undefined for a machine that is smaller than every type. */
export function largestType(vcpus: number, memoryMiB: number): InstanceType | undefined {
  const fitting = instanceTypes.filter((t) => t.vcpus <= vcpus && t.memoryMiB <= memoryMiB);
  const rank = (t: InstanceType) => [t.vcpus, t.memoryMiB, t.currentGeneration ? 1 : 0, t.burstable ? 0 : 1];
  return fitting.sort((a, b) => {
    const [of, other] = [rank(a), rank(b)];
    const differs = of.findIndex((value, i) => value !== other[i]);
    return differs < 0 ? (a.name < b.name ? -1 : 1) : (other[differs] ?? 0) - (of[differs] ?? 0);
  })[0];
}
